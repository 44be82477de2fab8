"""What users may set, read from a file and the environment, checked before anything starts."""

from tidegauge.config.load import Loaded, load
from tidegauge.config.options import (
    AgentOptions,
    Category,
    CategoryFilter,
    EngineOptions,
    ExportersOptions,
    FilterOptions,
    LimitOptions,
    LogOptions,
    Options,
    SurveyOptions,
)
from tidegauge.config.sample import sample
from tidegauge.config.watch import FileWatch

__all__ = [
    "AgentOptions",
    "Category",
    "CategoryFilter",
    "EngineOptions",
    "ExportersOptions",
    "FileWatch",
    "FilterOptions",
    "LimitOptions",
    "Loaded",
    "LogOptions",
    "Options",
    "SurveyOptions",
    "load",
    "sample",
]
