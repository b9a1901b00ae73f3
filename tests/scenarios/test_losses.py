from tests.sync.test_losses import *  # noqa: F403 -- each test runs with the world of this folder
