"""Files of characters: ``character.json``, and the games' own formats by their extensions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .. import plugins
from ..errors import CharacterError, F2PError, PluginError, UsageError, did_you_mean, error_prefix
from ..files import atomic_write, read_limited
from ..kinds import FormatSpec, Kind
from ..parameters import Character, Layout

if TYPE_CHECKING:
    from ..images import Picture

__all__ = [
    "extension_of",
    "format_of",
    "kind_and_character",
    "kind_in",
    "load_character",
    "read_as",
    "save_character",
    "written_as",
]

JSON = ".json"
MAX_BYTES = 64 * 1024 * 1024  # a card is a picture with data


def load_character(path: str | Path, game: str | Kind | None = None) -> Character:
    """Read a character from a ``character.json`` or from a file in the game's own format.

    Args:
        path: file; its extension selects the format.
        game: ``"mygame/hero"``, or a Kind; needed where neither the file nor its extension tells.

    Raises:
        F2PError: CharacterError for a damaged file or a wrong value, with the file and the format;
            UsageError where the game or the kind is not known; UnknownNameError.
    """
    return kind_and_character(path, game)[1]


def save_character(
    path: str | Path,
    character: Character,
    picture: Picture | None = None,
    kind: Kind | None = None,
) -> Path:
    """Write a character as JSON or in the game's own format, as the extension of ``path`` tells.

    Args:
        picture: portrait uint8 (S, S, 3) RGB sRGB, for formats that contain one.
        kind: of the character; default: the installed kind of its name.

    Raises:
        F2PError: UsageError for an extension that the game does not have; CharacterError.
    """
    path = Path(path)
    spec = format_of(path, character.game)
    if spec is None and path.suffix.lower() == JSON:
        return character.save(path)
    if spec is None:
        known = [JSON, *(e for one in _formats(character.game) for e in one.extensions)]
        raise UsageError(
            f"{path}: {character.game} has no format with the extension {path.suffix!r}",
            remedy=did_you_mean(path.suffix, known, 1) or f"use one of: {', '.join(known)}",
        )
    layout = (kind or plugins.game(character.name)).layout
    with error_prefix(path):
        data = written_as(spec, character, layout, picture)
    return atomic_write(path, data, error=CharacterError)


def kind_and_character(path: str | Path, game: str | Kind | None = None) -> tuple[Kind, Character]:
    """Read a character as :func:`load_character` and return its kind too."""
    path = Path(path)
    name = game.name if isinstance(game, Kind) else game or ""
    spec = format_of(path, name.partition("/")[0])
    if spec is None:
        named = _game_of_json(path)
        kind = _kind(named if game is None else game)
        return kind, Character.load(path, kind.layout)
    remedy = f"give the path of a {' or '.join(spec.extensions)} file"
    data = read_limited(path, MAX_BYTES, error=CharacterError, remedy=remedy)
    kind = _kind_of(spec, data, path, game)
    return kind, read_as(spec, data, kind.layout, str(path))


def extension_of(path: str | Path, game: str) -> str:
    """Return the extension by which ``path`` names a character of ``game``; empty for others."""
    name = Path(path).name.lower()
    known = [JSON, *(extension for one in _formats(game) for extension in one.extensions)]
    found = [one for one in known if name.endswith(one) and len(name) > len(one)]
    return max(found, key=len, default="")


def format_of(path: str | Path, game: str = "") -> FormatSpec | None:
    """Return the format of a file by its extension, the longest that fits; None if there is none.

    Args:
        game: name of the game; empty for all games.

    Raises:
        UsageError: formats of several games have the extension.
    """
    extension = extension_of(path, game)
    found = [one for one in _formats(game) if extension in one.extensions]
    games = sorted({one.game for one in found})
    if len(games) > 1:
        raise UsageError(
            f"{path}: {' and '.join(games)} have formats with the extension {extension}",
            remedy=f"name the game: -g {games[0]}",
        )
    return found[0] if found else None


def read_as(spec: FormatSpec, data: bytes, layout: Layout, source: str) -> Character:
    """Return the character in the content of a file.

    Args:
        source: name of the content in errors.

    Raises:
        CharacterError: of any failure; names ``source`` and the format.
        PluginError: the format's ``read`` does not return a character.
    """
    subject = f"{source}: as format {spec.name!r} of {spec.game}"
    with error_prefix(subject):
        try:
            found: object = spec.read(data, layout)
        except F2PError:
            raise
        except Exception as error:
            raise CharacterError(
                f"cannot be read: {type(error).__name__}: {error}",
                remedy="the file is damaged or not of this format",
            ) from error
        if not isinstance(found, Character):
            raise PluginError(f"read must return a Character, got {type(found).__name__}")
        return layout.checked(found)


def kind_in(spec: FormatSpec, data: bytes, source: str) -> str:
    """Return the name of the kind in the content of a file; empty if the format does not tell it.

    Raises CharacterError with ``source``, the name of the content, if ``kind_of`` fails.
    """
    if spec.kind_of is None:
        return ""
    try:
        return spec.kind_of(data)
    except Exception as error:
        raise CharacterError(
            f"{source}: as format {spec.name!r} of {spec.game}: its kind cannot be read: {error}",
            remedy="the file is damaged or not of this format",
        ) from error


def written_as(
    spec: FormatSpec, character: Character, layout: Layout, picture: Picture | None = None
) -> bytes:
    """Return the content of a file of a character.

    Raises:
        CharacterError: the character is not of the layout, or ``write`` fails.
        PluginError: the format's ``write`` does not return bytes.
    """
    known = layout.checked(character)
    with error_prefix(f"as format {spec.name!r} of {spec.game}"):
        try:
            data: object = spec.write(known, layout, picture)
        except F2PError:
            raise
        except Exception as error:
            raise CharacterError(
                f"cannot be written: {type(error).__name__}: {error}",
                remedy="this is a defect of the game's adapter: report it to its authors",
            ) from error
        if not isinstance(data, bytes):
            raise PluginError(f"write must return bytes, got {type(data).__name__}")
        return data


def _game_of_json(path: Path) -> str:
    """Return ``game/kind`` of a JSON file. A file that is not JSON may be of a format that is not
    installed: then the error lists the formats."""
    try:
        return Character.game_of(path)
    except CharacterError as error:
        suffix, known = path.suffix.lower(), [e for one in _formats("") for e in one.extensions]
        if suffix == JSON or not path.is_file():
            raise
        listed = did_you_mean(suffix, known, 1) or f"the formats have {', '.join([JSON, *known])}"
        remedy = f"no installed game has a format with the extension {suffix!r}; {listed}"
        raise CharacterError(error.message, remedy=remedy) from error


def _formats(game: str) -> list[FormatSpec]:
    return [one for one in plugins.formats() if not game or one.game == game]


def _kind(game: str | Kind) -> Kind:
    return game if isinstance(game, Kind) else plugins.game(game)


def _kind_of(spec: FormatSpec, data: bytes, path: Path, game: str | Kind | None) -> Kind:
    """Return the kind that the file names, or the given one, or the game's only one."""
    named = kind_in(spec, data, str(path))
    fixed = isinstance(game, Kind) or "/" in (game or "")
    if game is not None and (fixed or not named):
        kind = _kind(game)
        if named and named != kind.kind:
            found = f"{spec.game}/{named}"
            raise CharacterError(
                f"{path}: the character is of {found}, not of {kind.name}",
                remedy=f"name the kind it belongs to: {found}",
            )
        return kind
    if named:
        return plugins.game(f"{spec.game}/{named}")
    kinds = [kind.name for kind in plugins.kinds() if kind.game == spec.game]
    if len(kinds) > 1:
        raise UsageError(
            f"{path}: files of format {spec.name!r} do not tell their kind ({', '.join(kinds)})",
            remedy=f"name the kind: -g {kinds[0]}",
        )
    return plugins.game(spec.game)
