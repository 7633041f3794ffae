"""The inner loops, compiled and called by address: of thinking in single precision, of free-running networks in double.

Nothing is compiled before it is first called for; compiled code is kept on the disk.
"""

from cofire.kernels._certainty import certainty as certainty
from cofire.kernels._dense import dense as dense
from cofire.kernels._dense_back import dense_back as dense_back
from cofire.kernels._free_running import free_running as free_running
from cofire.kernels._kernel import Kernel as Kernel
from cofire.kernels._look import look as look
from cofire.kernels._neurons import few_samples as few_samples
from cofire.kernels._neurons import many_samples as many_samples
from cofire.kernels._neurons_back import few_samples_back as few_samples_back
from cofire.kernels._norm import gated as gated
from cofire.kernels._norm import joined as joined
from cofire.kernels._norm import silu as silu
from cofire.kernels._pairs import pairs as pairs
from cofire.kernels._sparse import sparse_rows as sparse_rows
from cofire.kernels._tokens import filled as filled
from cofire.kernels._tokens import tokens as tokens
