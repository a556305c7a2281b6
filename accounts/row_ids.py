"""Row ids as requests name them."""


def row_ids(texts):
    """The ids among `texts`; what can't be one (other digits, signs, more than a bigint holds) is left out."""
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]
