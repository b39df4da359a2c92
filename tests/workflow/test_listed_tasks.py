"""What an error says of tasks that can do what another one cannot."""

from unroll.workflow.trained import list_tasks


def test_the_tasks_of_this_project_that_write_are_listed() -> None:
    assert list_tasks(lambda task: task.writing is not None) == ": language_modeling"
    assert list_tasks(lambda task: False) == ""
