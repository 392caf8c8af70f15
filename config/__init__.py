"""The plant as it is described: its file, its equipment register, its calendar, and the data that Gemba ships."""

from config.faults import Fault, PlantError, TemplateError

__all__ = ["Fault", "PlantError", "TemplateError"]
