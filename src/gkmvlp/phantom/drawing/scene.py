"""The layers of one patient while it is drawn; attenuation is the log of intensity lost, all maps (H, W) float32."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.phantom.drawing.anatomy_model import SIDES, SIGN, Anatomy
from gkmvlp.phantom.drawing.curves import Layer, Map, Points, fill, unit
from gkmvlp.phantom.drawing.pose import Pose
from gkmvlp.phantom.plan import Zone
from gkmvlp.phantom.regions import ZONES
from gkmvlp.phantom.sample import PatientPlan


@dataclass
class Scene:
    """Geometry in pixels and what has been put on it so far.

    Attributes:
        plan, anatomy, pose: The patient.
        x, y: Body coordinates of each pixel.
        lung: Coverage of the right and the left lung, in [0, 1].
        depth: Distance to the edge of its lung in body units, right and left.
        heart: Coverage of the heart.
        heart_depth: Distance to its edge in body units.
        add: Attenuation that findings and devices put on top.
        vessel_gain: Strength of the vessels, 1 where normal.
        air_gain: Air of the lungs, 1 where normal.
        occupied: True where a finding that hides others lies.
    """

    plan: PatientPlan
    anatomy: Anatomy
    pose: Pose
    x: Map
    y: Map
    lung: list[Map]
    depth: list[Map]
    heart: Map
    heart_depth: Map
    add: Map = field(init=False)
    vessel_gain: Map = field(init=False)
    air_gain: Map = field(init=False)
    occupied: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.add = np.zeros(self.shape, np.float32)
        self.vessel_gain = np.ones(self.shape, np.float32)
        self.air_gain = np.ones(self.shape, np.float32)
        self.occupied = np.zeros(self.shape, bool)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.pose.height, self.pose.width

    @property
    def scale(self) -> float:
        """Pixels a body unit."""
        return self.pose.scale

    def layer(self) -> Layer:
        """An empty layer to draw on."""
        return np.zeros(self.shape, np.uint8)

    def polygon(self, points: Points) -> Map:
        """Coverage of a polygon in body coordinates."""
        return unit(fill(self.layer(), [self.pose.pixels(points)]))

    def offset(self, side: int) -> Map:
        """Distance of each pixel from the midline, positive on that side."""
        return np.asarray((self.x - np.float32(0.5)) * np.float32(SIGN[side]), np.float32)

    def fraction(self, side: int) -> Map:
        """Height of each pixel in its lung, apex 0, dome 1."""
        top, low = self.anatomy.apex_y[side], self.anatomy.dome_y[side]
        return np.asarray((self.y - np.float32(top)) * np.float32(1 / (low - top)), np.float32)

    def zone(self, side: int, zone: Zone) -> NDArray[np.bool_]:
        """Pixels of the lung in a zone; upper leaves out the apex, which has its own."""
        low, high = ZONES[zone]
        fraction = self.fraction(side)
        low = ZONES["apical"][1] if zone == "upper" else low
        return np.asarray((self.lung[side] > 0.5) & (fraction >= low) & (fraction < high))

    def spot(self, side: int, zone: Zone, radius: float, place: float) -> tuple[float, float]:
        """A place in a zone for something round, clear of heart, edge and hiding findings where there is room.

        Args:
            side: 0 right, 1 left.
            zone: Zone of the centre.
            radius: In body units.
            place: In [0, 1), which of the admissible pixels.

        Returns:
            Column and row of the pixel.
        """
        zone_HW = self.zone(side, zone)
        clear = zone_HW & (self.heart < 0.5) & (self.offset(side) > 0.115) & ~self.occupied & self.inside(radius)
        for admitted in (clear & (self.depth[side] > radius), clear, zone_HW & self.inside(0), zone_HW):
            index = np.flatnonzero(admitted)
            if len(index):
                break
        row, column = divmod(int(index[int(place * len(index))]), self.pose.width)
        return float(column), float(row)

    def inside(self, margin: float) -> NDArray[np.bool_]:
        """Pixels at least a margin (body units) from the image's border."""
        pixels = int(margin * self.scale) + 2
        inside = np.zeros(self.shape, bool)
        inside[pixels:-pixels, pixels:-pixels] = True
        return inside

    def radial(self, column: float, row: float) -> Map:
        """Distance of each pixel from one, in body units."""
        dx = np.arange(self.pose.width, dtype=np.float32) - np.float32(column)
        dy = np.arange(self.pose.height, dtype=np.float32) - np.float32(row)
        return np.asarray(np.sqrt(dx**2 + (dy**2)[:, None]) * np.float32(1 / self.scale), np.float32)


def _distance(layer: Layer, scale: float) -> Map:
    inside = (layer > 127).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3), np.float32) * np.float32(1 / scale)


def open_scene(plan: PatientPlan, anatomy: Anatomy, pose: Pose) -> Scene:
    """A scene with lungs and heart in place and nothing on them."""
    x, y = pose.grid()
    lungs, depths = [], []
    for side in range(len(SIDES)):
        layer = fill(np.zeros((pose.height, pose.width), np.uint8), [pose.pixels(anatomy.lung(side))])
        lungs.append(unit(layer))
        depths.append(_distance(layer, pose.scale))
    heart = fill(np.zeros((pose.height, pose.width), np.uint8), [pose.pixels(anatomy.heart)])
    return Scene(plan, anatomy, pose, x, y, lungs, depths, unit(heart), _distance(heart, pose.scale))
