"""JSON from files: whatever is wrong with it is one kind of error."""

import pytest

from reconet_cli.system.json_text import json_value
from reconet_cli.video.probing import ffprobe as probed


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe\x00", b"", b'{"a"'])
def test_everything_wrong_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        json_value(text)


@pytest.mark.parametrize(
    "said", [b"[" * 100_000, b"[]", b'{"format": [], "streams": 3}', b'{"format": {}, "streams": [1]}']
)
def test_an_answer_of_another_form_is_none(said):
    assert probed.parse_json(said) is None
