"""What the surroundings make of a hit."""

from insights.analyzers.crisis.hits import Hit
from insights.analyzers.crisis.modality import modality
from insights.analyzers.crisis.passages import Attributes, Passage
from insights.analyzers.crisis.people import experiencer
from insights.analyzers.crisis.polarity import polarity
from insights.analyzers.crisis.times import time


def read_attributes(passage: Passage, hit: Hit) -> Attributes:
    return Attributes(polarity(passage, hit), time(passage, hit), experiencer(passage, hit), modality(passage, hit))
