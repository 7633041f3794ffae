"""What a run leaves behind: named traces over time with units, labels and provenance, in a file without pickle."""

from cofire.files import write_atomically as write_atomically
from cofire.recording._recording import Recording as Recording
from cofire.recording._trace import Trace as Trace

__all__ = ["Recording", "Trace", "write_atomically"]
