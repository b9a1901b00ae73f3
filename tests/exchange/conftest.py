import pytest

# What the contract asserts is to be explained like what tests assert.
pytest.register_assert_rewrite("tests.exchange.contract")
