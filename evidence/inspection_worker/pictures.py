"""Pictures: decoded, then encoded anew."""

from io import BytesIO

from PIL import Image, JpegImagePlugin

from .limits import Examined, RefusalCode, RefusedError

PICTURE_FORMATS = {"jpg": ["JPEG"], "png": ["PNG"], "gif": ["GIF"]}
ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
COLOUR_BYTES = 4  # Pillow's for a pixel, also without alpha
ROOM_SHARE = 0.9  # of the memory limit; the rest is for buffers


def examine_picture(data, kind, limits):
    """Decode, then encode anew: what isn't a pixel of the first frame doesn't survive."""
    frames = gif_frames(data, limits.frames) if kind == "gif" else 1
    picture, sampling = decoded(data, kind, limits)
    picture = on_white(plain(picture))
    picture = upright(picture, room_of(limits))
    picture.info = {}
    return Examined(
        clean=encoded_jpeg(picture, 90, sampling) if kind == "jpg" else encoded_png(picture),
        thumbnail=thumbnail_of(picture, limits.thumbnail_side),
        width=picture.width,
        height=picture.height,
        frames=frames,
    )


def gif_frames(data, most):
    """Count frames block by block: decoding them all would be dear. A cut file is an IndexError."""
    frames, position = 0, 13 + colour_table_size(data[10])
    while position < len(data) and data[position] != 0x3B:
        match data[position]:
            case 0x2C:
                frames += 1
                position = after_sub_blocks(data, position + 11 + colour_table_size(data[position + 9]))
            case 0x21:
                position = after_sub_blocks(data, position + 2)
            case 0x00:  # stray padding, seen in old files
                position += 1
            case _:
                raise RefusedError(RefusalCode.DAMAGED)
        if frames > most:
            raise RefusedError(RefusalCode.TOO_MANY_FRAMES)
    return frames


def colour_table_size(flags):
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def after_sub_blocks(data, position):
    while data[position]:
        position += data[position] + 1
    return position + 1


def decoded(data, kind, limits):
    """Give the loaded picture and its chroma sampling. Nothing is decoded before the pixels were counted."""
    Image.MAX_IMAGE_PIXELS = None  # ours is the stricter limit, and a refusal instead of a warning
    picture = Image.open(BytesIO(data), formats=PICTURE_FORMATS[kind])
    if picture.width * picture.height > limits.pixels:
        raise RefusedError(RefusalCode.TOO_MANY_PIXELS)
    if kind == "jpg" and picture.width * picture.height * jpeg_pixel_bytes(picture) > room_of(limits):
        picture.draft(None, (picture.width // 2, picture.height // 2))
    sampling = JpegImagePlugin.get_sampling(picture) if kind == "jpg" else -1
    picture.load()
    return picture, sampling


def room_of(limits):
    return limits.memory * ROOM_SHARE


def jpeg_pixel_bytes(picture):
    """Bytes per pixel at the peak: the picture plus a second copy, or plus the coefficients of a progressive one."""
    sample = 1 if picture.mode == "L" else COLOUR_BYTES
    copy = sample if picture.mode == "CMYK" or turn_of(picture) is not None else 0
    return sample + max(copy, coefficient_bytes(picture))


def coefficient_bytes(picture):
    if not picture.info.get("progressive"):
        return 0
    _ids, across, down, _tables = zip(*picture.layer, strict=True)
    return 2 * sum(a * d for a, d in zip(across, down, strict=True)) / (max(across) * max(down))


def turn_of(picture):
    """How EXIF says to turn the picture, or None; EXIF that can't be read says nothing, as in a browser."""
    try:
        return TURNS.get(picture.getexif().get(ORIENTATION_TAG))
    except Exception:  # whatever a writer left there
        return None


def plain(picture):
    """Give 8 bits of grey or colour, with or without alpha. Colour profiles and colour keys are ignored."""
    if picture.mode == "P":
        return opaque(picture).convert("RGB")
    if picture.mode.startswith("I"):
        return eight_bits(picture)
    if picture.mode in ("L", "LA", "RGB", "RGBA"):
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def opaque(picture):
    """Fill what is transparent with white in the palette: a channel for it would need a third more memory."""
    transparency = picture.info.pop("transparency", None)
    if transparency is None:
        return picture
    palette = picture.getpalette()
    alphas = list(transparency) if isinstance(transparency, bytes) else [255] * transparency + [0]
    for place, alpha in enumerate(alphas[: len(palette) // 3]):
        colour = slice(3 * place, 3 * place + 3)
        palette[colour] = [(value * alpha + 255 * (255 - alpha)) // 255 for value in palette[colour]]
    picture.putpalette(palette)
    return picture


def eight_bits(picture):
    """Scale 16 bits down; Pillow's own conversion would clip them."""
    return picture.point(lambda value: value * (1 / 256)).convert("L")


def upright(picture, room):
    """Apply the EXIF orientation, at half size where two copies of a large picture don't fit."""
    turn = turn_of(picture)
    if turn is None:
        return picture
    if picture.width * picture.height * COLOUR_BYTES * 2 > room:
        picture = shrunk(picture, 2)
    return picture.transpose(turn)


def on_white(picture):
    """Fill what is transparent, in place, so that a reviewer's background hides or shows nothing."""
    if not picture.mode.endswith("A"):
        return picture
    picture.paste("white", None, picture.getchannel("A").point(lambda alpha: 255 - alpha))
    picture.putalpha(255)
    return picture


def shrunk(picture, factor):
    """Give a reduced copy without alpha, channel by channel to save memory."""
    colours = [band for band in picture.getbands() if band != "A"]
    return Image.merge("".join(colours), [picture.getchannel(colour).reduce(factor) for colour in colours])


def encoded_jpeg(picture, quality, sampling=-1):
    target = BytesIO()
    picture.save(target, "JPEG", quality=quality, subsampling=sampling)
    return target.getvalue()


def encoded_png(picture):
    target = BytesIO()
    picture.save(target, "PNG", compress_level=4)
    return target.getvalue()


def thumbnail_of(picture, side):
    small = shrunk(picture, max(1, max(picture.size) // (2 * side)))
    small.thumbnail((side, side))
    return encoded_jpeg(small, 80)
