"""From a plan to a radiograph. Public: ``draw_phantom``."""

from collections.abc import Callable

import numpy as np

from gkmvlp.phantom.drawing import devices, lung, pleura
from gkmvlp.phantom.drawing.anatomy_model import build_anatomy
from gkmvlp.phantom.drawing.bones import ribs, shoulder_girdle, spine
from gkmvlp.phantom.drawing.curves import Map
from gkmvlp.phantom.drawing.film import develop
from gkmvlp.phantom.drawing.lung import Boxes
from gkmvlp.phantom.drawing.pose import pose_patient
from gkmvlp.phantom.drawing.scene import Scene, open_scene
from gkmvlp.phantom.drawing.textures import cloud_tile, window
from gkmvlp.phantom.drawing.tissue import belly, body_wall, hila, mediastinum, smooth, vessels
from gkmvlp.phantom.plan import Finding, Phantom
from gkmvlp.phantom.regions import region_boxes
from gkmvlp.phantom.sample import FindingPlan, PatientPlan, sample_patient

# Rises with every change of the pixels: figures compare only within one version.
GENERATOR_VERSION = "1"

_Drawer = Callable[[Scene, FindingPlan, np.random.Generator], Boxes | None]
# In the order of drawing: small findings come last, so that they find a place where larger ones do not hide them.
_DRAWERS: dict[str, _Drawer] = {
    "cardiomegaly": pleura.cardiomegaly,
    "elevated hemidiaphragm": pleura.elevated_hemidiaphragm,
    "pneumothorax": pleura.pneumothorax,
    "pleural effusion": pleura.effusion,
    "emphysema": lung.emphysema,
    "edema": lung.edema,
    "pacemaker": devices.pacemaker,
    "pleural thickening": pleura.thickening,
    "fibrosis": lung.fibrosis,
    "consolidation": lung.consolidation,
    "atelectasis": lung.atelectasis,
    "mass": lung.mass,
    "nodule": lung.nodule,
    "calcified granuloma": lung.granuloma,
    "hernia": pleura.hernia,
    "central line": devices.central_line,
}


def _plant(scene: Scene) -> tuple[Finding, ...]:
    """Draws the findings of the plan; one that would not show is left out."""
    planted = []
    for name, draw in _DRAWERS.items():
        for plan in scene.plan.findings:
            if plan.entity != name:
                continue
            box_K4 = draw(scene, plan, np.random.default_rng(plan.shape_seed))
            if box_K4 is not None:
                planted.append(Finding(name, plan.side, plan.zone, plan.severity, box_K4))
    return tuple(planted)


def _attenuation(scene: Scene) -> Map:
    """All layers of a scene together."""
    rng = scene.plan.stream(3)
    wall = body_wall(scene, rng)
    mass, block = mediastinum(scene, rng)
    tree = vessels(scene, rng) * np.float32(rng.uniform(0.32, 0.54)) + hila(scene, rng)
    mottle = window(cloud_tile(24.0), scene.shape, rng, 0.5) * np.float32(rng.uniform(0.012, 0.035))
    air = np.zeros(scene.shape, np.float32)
    for side in range(2):
        shallow = 1 - np.clip(scene.depth[side] * np.float32(1 / 0.085), 0, 1)
        turned = 1 + np.float32(0.10 * scene.plan.turned * (1 if side else -1))
        air += scene.lung[side] * (1 - np.float32(0.42) * shallow**2) * turned
    lucency = air * (1 - block)
    depth_of_air = np.float32(rng.uniform(1.12, 1.34))
    total = wall - depth_of_air * lucency * scene.air_gain + mass + belly(scene, rng)
    total += (tree * scene.vessel_gain + mottle) * np.minimum(lucency * 1.2, 1)
    below = smooth(-0.02, 0.12, scene.y - np.float32(min(scene.anatomy.dome_y)))
    bones = (ribs(scene, rng) + shoulder_girdle(scene, rng)) * (1 - np.float32(0.55) * below)
    total += (bones + spine(scene, rng) * (1 - np.float32(0.4) * below)) * np.clip(wall, 0, 1)
    return np.asarray(np.maximum(total + scene.add, 0.0), np.float32)


def render(plan: PatientPlan, size: int = 256) -> Phantom:
    """Draws a planned patient.

    Args:
        plan: What is to be seen.
        size: Longer side of the image in pixels.
    """
    anatomy = build_anatomy(plan)
    pose = pose_patient(plan, anatomy, size)
    scene = open_scene(plan, anatomy, pose)
    findings = _plant(scene)
    image_HW = develop(_attenuation(scene), scene, plan.stream(4))
    return Phantom(
        image_HW=image_HW,
        view=plan.view,
        sex=plan.sex,
        age=plan.age,
        rotated=plan.turned != 0,
        low_inspiration=plan.low_inspiration,
        region_R4=region_boxes(anatomy, pose),
        findings=findings,
    )


def draw_phantom(seed: int, index: int, size: int = 256) -> Phantom:
    """Draws one patient; the same arguments and installed libraries give the same bytes.

    Args:
        seed: Seed of the corpus.
        index: Number of the patient.
        size: Longer side of the image in pixels.
    """
    return render(sample_patient(seed, index), size)
