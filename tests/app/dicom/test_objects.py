"""Objects of a reading: where they lie, what they say, whose they are."""

import dataclasses
from io import BytesIO

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from gkmvlp.app.benchmarks.radiograph import NAME, PATIENT, STUDY
from gkmvlp.app.dicom import objects as writing
from gkmvlp.app.dicom.codes import REACHED
from gkmvlp.app.dicom.findings import box_mask, findings_of
from gkmvlp.app.dicom.objects import objects_of, write_objects
from gkmvlp.app.dicom.secondary_capture import BAR, draw
from gkmvlp.app.dicom.source import Deidentifier, read_source
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic import dicom, dicom_ways, rsna_pneumonia
from gkmvlp.errors import ConfigError
from gkmvlp.notices import NO_PATIENT, NOT_CLINICAL
from gkmvlp.phantom.generate import draw_phantom
from tests.app.dicom.radiographs import ORIENTATIONS, lying, write_radiograph
from tests.app.dicom.readings import BOX, MODEL, REGIONS, prediction
from tests.app.dicom.validators import all_errors_of, validated


@pytest.fixture(scope="module")
def made(upright, tmp_path_factory):
    """Objects of an upright radiograph as they are read from disk. Read only."""
    folder = tmp_path_factory.mktemp("made")
    source = read_source(write_radiograph(folder / "image.dcm", picture_HW=upright), "image.dcm")
    files = write_objects(folder / "out", objects_of(source, prediction(upright), MODEL))
    return {file.stem: file for file in files}


def outline(stored_HW):
    """x1, y1, x2, y2 around what is not 0."""
    y_N, x_N = np.nonzero(stored_HW)
    return x_N.min(), y_N.min(), x_N.max() + 1, y_N.max() + 1


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_everything_lies_on_the_grid_of_the_stored_image(orientation, upright, tmp_path):
    """The upright masks are laid down pixel by pixel, as ``lying`` lays down the radiograph."""
    file = write_radiograph(tmp_path / "image.dcm", orientation, upright)
    said = prediction(upright)
    objects = objects_of(read_source(file, "image.dcm"), said, MODEL)
    stored_HW = pydicom.dcmread(file).pixel_array
    regions = highdicom.seg.Segmentation.from_dataset(objects["regions"])
    assert (regions.Rows, regions.Columns) == stored_HW.shape
    for number in regions.segment_numbers:
        x1, y1, x2, y2 = map(int, REGIONS[regions.get_segment_description(number).segment_label])
        upright_HW = np.zeros_like(upright)
        upright_HW[y1:y2, x1:x2] = 1
        assert np.array_equal(regions.pixel_array[number - 1], lying(upright_HW, orientation))
    heat = objects["heat-maps"].pixel_array
    expected_HW = lying(said.heat_map("pleural effusion"), orientation)
    np.testing.assert_allclose(heat / 255, expected_HW, atol=0.5 / 255 + 1e-6)
    box_HW = lying(box_mask(BOX, *upright.shape).astype(np.uint8), orientation)
    group = highdicom.sr.ComprehensiveSR.from_dataset(objects["report"]).content.get_planar_roi_measurement_groups()[0]
    corner_52 = group.roi.value
    assert (*corner_52.min(0), *corner_52.max(0)) == outline(box_HW)


def test_a_box_holds_the_pixels_whose_centres_it_holds():
    mask_HW = box_mask((1.4, 0.6, 3.5, 2.5), 4, 5)
    expected = [[1.4 <= x + 0.5 < 3.5 and 0.6 <= y + 0.5 < 2.5 for x in range(5)] for y in range(4)]
    assert mask_HW.tolist() == expected


def test_the_report_says_what_the_model_said(made):
    report = highdicom.sr.srread(made["report"]).content
    groups = [*report.get_planar_roi_measurement_groups(), *report.get_image_measurement_groups()]
    said = {group.finding_type.value: group for group in groups}
    assert set(said) == {"60046008", "low lung volumes", "36118008"}
    effusion = said["60046008"]
    assert effusion.finding_sites[0].value.value == "281394001"  # lower zone of lung
    assert effusion.finding_sites[0].laterality.value == "24028007"
    percent = {item.name.value: item.value for item in effusion.get_measurements()}
    assert percent == {"111012": 87.5, "threshold": 40.0}
    assert {item.unit.value for item in effusion.get_measurements()} == {"%"}
    reached = {key: group.get_qualitative_evaluations(REACHED)[0].value.meaning for key, group in said.items()}
    assert reached == {"60046008": "Yes", "low lung volumes": "No", "36118008": "No"}
    assert [len(said[key].get_measurements()) for key in ("low lung volumes", "36118008")] == [1, 2]
    data = made["report"].read_bytes()
    calibrations = ("Calibration: platt", "Calibration: uncalibrated")
    assert [text for text in (MODEL.name, MODEL.version, NOT_CLINICAL, NO_PATIENT, *calibrations)
            if text.encode() not in data] == []  # fmt: skip
    dataset = pydicom.dcmread(made["report"])
    assert (dataset.CompletionFlag, dataset.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert dataset.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99GKMVLP"


def test_only_what_is_likely_has_a_box(made):
    report = highdicom.sr.srread(made["report"]).content
    assert [group.finding_type.value for group in report.get_planar_roi_measurement_groups()] == ["60046008"]


def test_segments_say_what_they_are(made):
    regions = highdicom.seg.segread(made["regions"])
    labels = [regions.get_segment_description(number).segment_label for number in regions.segment_numbers]
    assert labels == ["right lung", "left lung", "cardiac silhouette", "right lower lung zone"]
    kind = regions.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    assert kind.CodeValue == "39607008"
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "24028007"
    heat = highdicom.seg.segread(made["heat-maps"])
    assert heat.SegmentationType == "FRACTIONAL"
    assert [each.SegmentLabel for each in heat.SegmentSequence] == ["attention: pleural effusion"]
    assert heat.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "130404"  # saliency
    group = highdicom.sr.srread(made["report"]).content.get_planar_roi_measurement_groups()[0]
    assert heat.SegmentSequence[0].TrackingUID == group.tracking_uid
    assert heat.SegmentSequence[0].TrackingID == group.tracking_identifier


def test_all_are_of_the_study_and_in_series_of_their_own(made):
    opened = {name: pydicom.dcmread(file) for name, file in made.items()}
    original = pydicom.dcmread(made["report"].parents[1] / "image.dcm")
    for dataset in opened.values():
        assert dataset.StudyInstanceUID == STUDY
        assert (dataset.PatientName, dataset.PatientID, dataset.PatientSex) == (NAME, PATIENT, "F")
        assert (dataset.AccessionNumber, dataset.StudyDate) == ("A-99", "20240131")
        assert dataset.SeriesInstanceUID != original.SeriesInstanceUID
    assert [opened[name].Modality for name in ("report", "regions", "heat-maps", "capture")] == [
        "SR",
        "SEG",
        "SEG",
        "OT",
    ]
    series = {name: dataset.SeriesInstanceUID for name, dataset in opened.items()}
    assert series["regions"] == series["heat-maps"]
    assert len(set(series.values())) == 3
    assert len({dataset.SOPInstanceUID for dataset in opened.values()}) == 4
    for name in ("regions", "heat-maps"):
        origin = opened[name].ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
        assert origin.ReferencedSOPInstanceUID == original.SOPInstanceUID


def test_the_same_reading_has_the_same_uids_and_another_has_others(upright, tmp_path):
    source = read_source(write_radiograph(tmp_path / "image.dcm", picture_HW=upright), "image.dcm")
    uids = [
        {name: dataset.SOPInstanceUID for name, dataset in objects_of(source, said, MODEL).items()}
        for said in (prediction(upright), prediction(upright), prediction(upright, likely=False))
    ]
    assert uids[0] == uids[1]
    assert "heat-maps" not in uids[2]
    assert not set(uids[0].values()) & set(uids[2].values())
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids[0].values())


def test_the_notice_is_burned_in(made, upright):
    capture = pydicom.dcmread(made["capture"])
    assert (capture.BurnedInAnnotation, capture.PhotometricInterpretation) == ("YES", "RGB")
    shown = capture.pixel_array
    bars = shown[:BAR], shown[-BAR:]
    for bar in bars:  # red with white letters
        assert (bar.reshape(-1, 3) == (150, 0, 0)).all(1).mean() > 0.5
        assert (bar.reshape(-1, 3) == 255).all(1).sum() > 500
    plain = prediction(upright)
    without = draw(upright, findings_of(prediction(upright, likely=False)), MODEL, None)
    assert not np.array_equal(without, shown)
    radiograph = slice(BAR, -BAR), slice(0, 800)
    changed_HW = (without[radiograph] != draw(upright, findings_of(plain), MODEL, None)[radiograph]).any(-1)
    scale = 1000 / upright.shape[0]
    np.testing.assert_allclose(outline(changed_HW), [scale * value for value in BOX], atol=4)  # of the box alone


def test_nothing_is_half_written(upright, tmp_path, monkeypatch):
    source = read_source(write_radiograph(tmp_path / "image.dcm", picture_HW=upright), "image.dcm")
    objects = objects_of(source, prediction(upright), MODEL)

    def stop_halfway(dataset, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.Dataset, "save_as", stop_halfway)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left on device\): name another --dicom-out"):
        write_objects(tmp_path / "out", objects)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_second_reading_leaves_nothing_of_the_first(upright, tmp_path):
    source = read_source(write_radiograph(tmp_path / "image.dcm", picture_HW=upright), "image.dcm")
    write_objects(tmp_path / "out", objects_of(source, prediction(upright), MODEL))
    files = write_objects(tmp_path / "out", objects_of(source, prediction(upright, likely=False), MODEL))
    assert sorted((tmp_path / "out").iterdir()) == sorted(files)
    assert {file.stem for file in files} == set(writing.NAMES) - {"heat-maps"}


def test_of_nobody(upright, tmp_path):
    """No text of the patient or of the study is left in any byte."""
    first = write_radiograph(tmp_path / "image.dcm", picture_HW=upright)
    second = write_radiograph(tmp_path / "other.dcm", picture_HW=upright)
    original = pydicom.dcmread(first)
    nobody = Deidentifier()
    datasets = []
    for file in (first, second):
        source = nobody(read_source(file, "image.dcm"))
        for path in write_objects(tmp_path / source.uid, objects_of(source, prediction(upright), MODEL)):
            data = path.read_bytes()
            for secret in ("Sonnenschein", "Balthasar", PATIENT, "Weissmann", "A-99", "20240131", "19500102",
                           STUDY, original.SOPInstanceUID, original.SeriesInstanceUID):  # fmt: skip
                assert secret.encode() not in data
            datasets.append(pydicom.dcmread(path))
            assert datasets[-1].PatientIdentityRemoved == "YES"
    assert len({dataset.StudyInstanceUID for dataset in datasets}) == 1  # what belongs together stays together
    assert len({dataset.PatientID for dataset in datasets}) == 1
    again = Deidentifier()(read_source(first, "image.dcm"))
    assert again.header.StudyInstanceUID not in {dataset.StudyInstanceUID for dataset in datasets}


def test_pixels_with_a_name_in_them_are_not_shown_where_nobody_is_to_be_known(upright, tmp_path):
    file = write_radiograph(tmp_path / "image.dcm", picture_HW=upright, BurnedInAnnotation="YES")
    source = read_source(file, "image.dcm")
    assert "capture" in objects_of(source, prediction(upright), MODEL)
    assert "capture" not in objects_of(Deidentifier()(source), prediction(upright), MODEL)


@pytest.mark.parametrize(
    "name", ["Müller^Jörg", "山田^太郎", "a name without a caret", "X" * 200 + "^", "^^^^^^^^", ""]
)
def test_no_name_is_told(name, upright, tmp_path, capfd, caplog, recwarn):
    caplog.set_level("DEBUG")
    secrets = {"PatientName": name, "PatientID": "I" * 70, "PatientBirthDate": "1950-01-02 or so", "PatientSex": "Lady"}
    dataset = pydicom.dcmread(write_radiograph(tmp_path / "image.dcm", picture_HW=upright))
    for keyword, value in secrets.items():
        kind = pydicom.datadict.dictionary_VR(keyword)
        dataset.add(pydicom.DataElement(keyword, kind, value, validation_mode=pydicom.config.IGNORE))
    data = BytesIO()
    dataset.save_as(data)
    for told in (capfd.readouterr, caplog.clear, recwarn.clear):
        told()
    source = read_source(data.getvalue(), "image.dcm")
    files = write_objects(tmp_path / "out", objects_of(source, prediction(upright), MODEL))
    told = "".join([*capfd.readouterr(), caplog.text, *(str(warning.message) for warning in recwarn)])
    assert not [value for value in secrets.values() if value.strip("^") and value in told]
    opened = pydicom.dcmread(files[0])
    assert str(opened.PatientName).rstrip("^") == name.rstrip("^")
    assert opened.PatientID == secrets["PatientID"]
    assert (opened.PatientBirthDate, opened.PatientSex) == ("", "")  # what is none is left empty


@validated
@pytest.mark.parametrize("orientation", ["L\\F", "H\\R", ""])
def test_objects_are_valid(orientation, upright, tmp_path):
    tags = {} if orientation else {"PatientOrientation": None, "StudyID": None, "PatientSex": None, "StudyTime": None}
    source = read_source(write_radiograph(tmp_path / "image.dcm", orientation or "L\\F", upright, **tags), "image.dcm")
    for who in (source, Deidentifier()(source)):
        assert all_errors_of(write_objects(tmp_path / "out", objects_of(who, prediction(upright), MODEL))) == []


@pytest.mark.slow
@validated
@pytest.mark.parametrize("name", ["RG1_J2KI.dcm", "rsna_original.dcm"])
def test_objects_of_real_radiographs_are_valid(name, shared_data, tmp_path):
    file = shared_data / "dicom" / name
    pixels_HW = read_image(file)
    source = read_source(file, name)
    assert source.upright_size == pixels_HW.shape[::-1]
    files = write_objects(tmp_path / "out", objects_of(source, prediction(pixels_HW), MODEL))
    assert all_errors_of(files) == []
    original = pydicom.dcmread(file, stop_before_pixels=True)
    regions = pydicom.dcmread(tmp_path / "out" / "regions.dcm")
    assert (regions.Rows, regions.Columns) == (original.Rows, original.Columns)
    assert regions.StudyInstanceUID == original.StudyInstanceUID


def test_what_compression_took_is_told_of_the_capture(upright, tmp_path):
    lost = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10.5",
            "LossyImageCompressionMethod": "ISO_15444_1"}  # fmt: skip
    source = read_source(write_radiograph(tmp_path / "image.dcm", picture_HW=upright, **lost), "image.dcm")
    capture = objects_of(source, prediction(upright), MODEL)["capture"]
    assert {keyword: str(capture[keyword].value) for keyword in lost} == lost


def test_the_look_alike_of_the_challenge_goes_back_and_a_picture_without_study_does_not(upright, tmp_path):
    phantom = draw_phantom(0, 0, 96)
    dataset = rsna_pneumonia.as_dicom(phantom.image_HW, "a-name", phantom)
    dataset.save_as(tmp_path / "rsna.dcm", enforce_file_format=True)
    objects = objects_of(read_source(tmp_path / "rsna.dcm", "rsna.dcm"), prediction(phantom.image_HW), MODEL)
    assert objects["report"].PatientID == "a-name"
    way = next(way for way in dicom.ways().values() if way["file"] == "whole")
    with pytest.raises(ImageError, match="it has no StudyInstanceUID, so that nothing could be filed beside it"):
        read_source(dicom_ways.write_way(upright[:64, :64], way), "way.dcm")


def test_a_model_of_regions_has_nothing_to_send(upright):
    said = prediction(upright)
    regions = [box._replace(label="right lung") for box in said.boxes]
    with pytest.raises(ConfigError, match="no findings to send back"):
        findings_of(dataclasses.replace(said, readings={}, boxes=regions))


def test_a_detector_sends_its_likely_boxes_and_the_best_of_the_others(upright):
    said = prediction(upright)
    box = said.boxes[0]
    found = (("mass", 0.9), ("mass", 0.8), ("nodule", 0.4), ("mass", 0.3), ("nodule", 0.2))
    boxes = [box._replace(label=label, score=score, is_likely=score > 0.5) for label, score in found]
    rows = findings_of(dataclasses.replace(said, readings={}, boxes=boxes))
    assert [(row.name, row.probability, row.box is not None) for row in rows] == [
        ("mass", 0.9, True), ("mass", 0.8, True), ("nodule", 0.4, False)]  # fmt: skip


def test_uids_are_of_the_form_that_needs_no_registration():
    from gkmvlp.app.dicom.identity import uid_of

    assert uid_of("a", "b") == uid_of("a", "b") != uid_of("ab")
    assert uid_of("a").startswith("2.25.")
    assert len(generate_uid(prefix="2.25.")) >= len(uid_of("a")) - 8
