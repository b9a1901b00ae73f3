from tests.sync.test_private import *  # noqa: F403 -- each test runs with the world of this folder
