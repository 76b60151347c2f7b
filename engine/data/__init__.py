"""Tables: reading, describing, encoding."""

import os

# Where lxml is installed, openpyxl would leave defusedxml, which refuses entities, for a parser that passes over them.
os.environ["OPENPYXL_LXML"] = "False"
