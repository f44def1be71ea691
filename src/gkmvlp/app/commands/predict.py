"""Read radiographs (JPG, PNG, DICOM, or folders of them) with a trained model.

classification  probability of each entity, by the head that pre-training left, or of each label, by a model that
                `make finetune-classification` left; of a calibrated model (see gkmvlp calibrate) also the threshold of
                an operating point (--at), and whether it is reached; others say uncalibrated
zero_shot       similarity to each line of --prompts ("a | b" is a minus b); absent: present against absent sentences
grounding       the point that each entity's prompt attends to most, and the region that this point lies in; --out
                also has the region that the prompt attends to most (attended_region)
localization    boxes of findings, by a model that `make finetune-localization` left; all of them in --out, those above
                the threshold that validation chose on stdout and in pictures
report          the report, by a model that `make finetune-report` left
vqa             the answer to --question, by a model that `make finetune-vqa` left; in_scope says whether the model
                was trained on what the question asks about, and nothing where its folder does not tell
image_text      probability of each class of an image with its caption (--text), by a model that `make
                finetune-image-text` left
embed           unit vectors of the images, and of the lines of --prompts, in one space

A small network of the package, the gate, looks at every picture first; --gate says what happens where it looks like a
lateral, mirrored, inverted or turned radiograph, another part of the body, or none at all; rows have its word (gate).
What was not taken as a file says (a window that shows nothing, a picture that was turned, a wrong sign) stands on
stderr, a line a kind, and in the column note.
--dicom-out writes what goes back into an archive: of each DICOM a structured report, segmentations of regions and heat
maps, and a picture with a notice, in its study. --dicomweb URL --study UID reads from a DICOMweb server, --store writes
the same there. See docs/guide/dicom.md.

Research software, not for clinical use.
"""

import argparse
from pathlib import Path

from gkmvlp.app.command_line.outputs import file_of
from gkmvlp.app.commands.options import add_accept_argument, add_device_argument, add_reading_arguments
from gkmvlp.app.dicom.returning import Route
from gkmvlp.app.prediction.request import TASKS, Request, predict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare model, images, task and outputs."""
    parser.add_argument("images", metavar="IMAGE", nargs="*", type=Path, help="file, or folder that is searched")
    described = "zoo://NAME, or folder of a backbone, a model or their run"
    parser.add_argument("--model", metavar="REF", required=True, help=described)
    parser.add_argument("--task", metavar="TASK", help=f"{', '.join(TASKS)} (what the model was trained for)")
    parser.add_argument("--question", metavar="TEXT", help="what vqa is asked about every image")
    parser.add_argument("--text", metavar="TEXT", help="the caption that image_text reads with every image")
    parser.add_argument("--prompts", metavar="FILE", type=Path, help="text file, one prompt a line")
    written = "where the rows are written: .parquet (with where they come from), .csv or .json"
    parser.add_argument("--out", metavar="FILE", type=file_of(".parquet", ".csv", ".json"), help=written)
    parser.add_argument("--pictures", metavar="DIR", type=Path, help="where a picture of each image is written")
    add_accept_argument(parser)
    add_reading_arguments(parser)
    add_device_argument(parser)
    _add_archive_arguments(parser)


def _add_archive_arguments(parser: argparse.ArgumentParser) -> None:
    """Where DICOMs come from and go to."""
    sent = "where DICOM objects of each reading are written, in a folder of the image's UID"
    parser.add_argument("--dicom-out", metavar="DIR", type=Path, help=sent)
    nobody = "objects without patient, dates and the original's UIDs (pixels are not looked at)"
    parser.add_argument("--deidentify", action="store_true", help=nobody)
    parser.add_argument("--dicomweb", metavar="URL", help="DICOMweb server, such as http://127.0.0.1:8042/dicom-web")
    parser.add_argument("--study", metavar="UID", help="Study Instance UID: its radiographs are read from the server")
    parser.add_argument("--store", action="store_true", help="store the DICOM objects at the server")


def run(arguments: argparse.Namespace) -> int:
    """Predict what can be read; name what cannot."""
    predict(
        Request(
            model=arguments.model,
            task=arguments.task,
            images=arguments.images,
            question=arguments.question,
            text=arguments.text,
            prompts=arguments.prompts,
            out=arguments.out,
            pictures=arguments.pictures,
            accept=tuple(arguments.accept),
            device=arguments.device,
            at=arguments.at,
            gate=arguments.gate,
            route=Route(
                out=arguments.dicom_out,
                is_deidentified=arguments.deidentify,
                server=arguments.dicomweb,
                study=arguments.study,
                is_stored=arguments.store,
            ),
        )
    )
    return 0
