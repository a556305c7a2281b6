from django import template

from conversion.rules.tables import table_of, table_warnings

register = template.Library()
register.filter("criteria_table", table_of)
register.filter("criteria_warnings", table_warnings)
