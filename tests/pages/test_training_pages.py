"""The run page of a training by steps: its numbers while it runs, and how it goes on."""

from app.services.results import Attempt
from tests.pages.opening import ROOT, at_work, opened, texts


def test_the_numbers_of_a_training_are_shown_while_it_runs(studio, secret, owner, sample):
    run = at_work(studio, owner, sample)
    studio.results.set_stage(Attempt(run.id), "training")
    page = opened(ROOT / "pages" / "run.py", secret, run=run.id)
    assert not page.exception
    assert "Losses come from synthetic rows and noised quantities only" in texts(page)
    html = " ".join(str(element.proto.body) for element in page.get("html"))
    assert '<li class="now"><span>Fitting</span></li>' in html
    for name, value in {"Step, of 2,000": "1,200", "ε so far, of 1": "0.6", "Time left": "80 seconds"}.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in html
    table = page.dataframe[0].value
    assert table["Step"].tolist() == list(range(1200, 400, -100))
    assert table.columns.tolist() == [
        *("Step", "Epoch", "Generator loss", "Discriminator loss", "ε so far", "Rows per second", "Time left")
    ]
    assert len(page.dataframe[1].value) == 12
    assert len(page.get("plotly_chart")) == 1


def test_a_training_without_a_discriminator_shows_one_loss(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "run.py", secret, run=at_work(studio, owner, sample, None).id)
    assert not page.exception
    assert "Discriminator loss" not in page.dataframe[0].value.columns


def test_a_cancelled_run_with_a_checkpoint_is_resumed_on_its_page(studio, secret, owner, sample):
    run = at_work(studio, owner, sample)
    attempt = Attempt(run.id)
    studio.checkpoints.of(attempt).save(b"state")
    studio.results.finish(attempt, "cancelled")
    page = opened(ROOT / "pages" / "run.py", secret, run=run.id)
    assert "can go on from its last checkpoint, at no further cost" in texts(page)
    page.button(key="run_resume").click().run()
    assert not page.exception
    resumed = studio.runs.get(owner, run.id)
    assert (resumed.status, resumed.attempt, resumed.ledger_state) == ("queued", 2, "committed")


def test_a_cancelled_run_without_a_checkpoint_cannot_be_resumed(studio, secret, owner, sample):
    run = at_work(studio, owner, sample)
    studio.results.finish(Attempt(run.id), "cancelled")
    page = opened(ROOT / "pages" / "run.py", secret, run=run.id)
    assert [button.key for button in page.button if button.key == "run_resume"] == []
