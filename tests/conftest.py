"""What all tests share."""

import pytest

from tests.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    """The small world of two organizations."""
    return make_world()
