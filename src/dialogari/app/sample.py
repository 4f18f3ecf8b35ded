"""The files to paste into Asterisk, for the settings at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari.transport import parse_url
from dialogari.config import ConfigError
from dialogari.dialplan.samples import Sample, render
from dialogari.store.prompts import check_name

if TYPE_CHECKING:
    from dialogari.config import Settings


def sample_files(settings: Settings, prompt: str | None) -> str:
    """Return extensions.conf, ari.conf and http.conf, each behind a comment that names it.

    Raises:
        ConfigError: ASTERISK_ARI_URL is no address.
        PromptNameError: `prompt` can't name a prompt.
    """
    try:
        url = parse_url(settings.asterisk_ari_url)
    except ValueError as error:
        raise ConfigError(f"ASTERISK_ARI_URL: {error}") from None
    if prompt is not None:
        check_name(prompt)
    return render(
        Sample(
            application=settings.asterisk_app_name,
            username=settings.asterisk_ari_username or settings.asterisk_app_name,
            url=url,
            turn_deadline=settings.turn_deadline,
            prompt=prompt,
        )
    )
