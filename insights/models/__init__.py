"""What it means: the models of this app."""

from insights.models.findings import Evidence, Insight, Review
from insights.models.readings import AnalysisRun, Reading, SourceSummary

__all__ = ["AnalysisRun", "Evidence", "Insight", "Reading", "Review", "SourceSummary"]
