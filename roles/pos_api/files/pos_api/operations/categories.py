"""Categories of the point of sale."""

from ..frame.call import operation
from ..records import listing
from ..resources.category import CATEGORY


@operation("listCategories", lean=CATEGORY)
def list_categories(call):
    return listing(call, CATEGORY)
