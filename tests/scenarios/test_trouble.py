from tests.sync.test_trouble import *  # noqa: F403 -- each test runs with the world of this folder
