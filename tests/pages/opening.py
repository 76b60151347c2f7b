"""Pages opened one by one over a test's own application, and what they show."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from engine.progress import TrainingNumbers

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30


def opened(path, secret=None, **query):
    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=SECONDS)
    if secret is not None:
        page.session_state["session_secret"] = secret
    page.run()
    page.switch_page(f"../pages/{path.name}")
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def texts(page):
    shown = [
        *page.title,
        *page.markdown,
        *page.info,
        *page.error,
        *page.warning,
        *page.caption,
        *page.subheader,
        *page.text,
    ]
    return " ".join(str(element.value) for element in shown)


def at_work(studio, owner, sample, discriminator_loss=1.5, epsilon=1.0):
    """A run in mid-training, whose numbers are in the queue."""
    run = studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id))
    studio.ledger.commit(run.id)
    points = [
        TrainingNumbers(
            step=step,
            steps=2000,
            epoch=step / 40,
            generator_loss=2.0 / step,
            discriminator_loss=discriminator_loss,
            epsilon=None if epsilon is None else epsilon * step / 2000,
            rows_per_second=12_345.6,
            seconds_left=75.0,
            device="cpu",
        )
        for step in range(100, 1300, 100)
    ]
    studio.queue.save_training(run.id, [point.to_json() for point in points])
    return run
