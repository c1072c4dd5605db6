"""The training of TrainingLab's page without a page: its slices, pauses and traits, on a clock of the test's own."""

import numpy as np
import pytest
from javascript import bundled

from rnnlib.widgets import TrainingLab
from rnnlib.widgets.training_lab import MAX_UPDATES, facts

GENTLE = {"text": "the cat sat on the mat", "hidden_size": 3, "steps": 8, "learning_rate": 0.01, "clip": 0, "seed": 3}

# A model of traits, a clock that goes on one ms at each look, and the tasks that wait.
WORLD = """
import { Trainer } from "./training_lab/trainer.js";
export class World {
  constructor(traits) {
    const none = new DataView(new ArrayBuffer(0));
    this.traits = { _weights: none, _characters: "", _trained: none, ...traits };
    Object.assign(this, { time: 0, tasks: 0, writes: [], slices: 0, rests: 0, seen: true });
    this.trainer = new Trainer({
      model: { get: (name) => this.traits[name] },
      now: () => (this.time += 1),
      later: () => (this.tasks += 1),
      awake: () => this.seen,
      write: (traits) => { this.writes.push(traits); Object.assign(this.traits, traits); },
      trained: () => (this.slices += 1),
      rested: () => (this.rests += 1),
    });
    this.trainer.follow();
  }

  set(traits) {
    Object.assign(this.traits, traits);
    this.trainer.follow();
    this.trainer.pump();
  }

  /** Let the tasks run that wait, at most so many. */
  run(most) {
    while (this.tasks && most--) {
      this.tasks -= 1;
      this.trainer.slice();
    }
    return this.trainer.lab.run.count;
  }

  told() {
    const { updates, _rates, learning_rate, _trained } = this.traits;
    return { updates, _rates, learning_rate, weights: new Float64Array(_trained.buffer) };
  }
}
"""


@pytest.fixture(scope="module")
def engine():
    lab = TrainingLab()
    initial = {name: getattr(lab, name) for name in ("learning_rate", "temperature", "updates")}
    with bundled("world.js", {**facts(initial), "world.js": WORLD}) as engine:
        yield engine


def play(engine, script, **traits):
    """The value of the lines of `script` with a `world` of these traits, and its trainer `t`."""
    lab = TrainingLab(**{**GENTLE, **traits})
    names = (*GENTLE, "optimizer", "temperature", "updates", "_rates")
    given = {name: getattr(lab, name) for name in names}
    return engine.call(
        f"({{ World }}, traits) => {{ const world = new World(traits); const t = world.trainer; {script} }}", given
    )


def assert_told(told, **traits):
    """The weights that the traits were told are those of Python for these traits."""
    lab = TrainingLab(**{**GENTLE, **traits})
    expected = np.concatenate([array.ravel() for array in lab.params])
    np.testing.assert_allclose(told["weights"], expected, rtol=1e-9, atol=1e-12)


def test_it_trains_in_slices_and_tells_the_traits_when_it_pauses(engine):
    found = play(
        engine,
        """t.play();
        const counts = [world.run(1), world.run(1), world.run(1)];
        const early = world.writes.length;
        t.pause();
        return { counts, early, left: world.run(5), told: world.told(), slices: world.slices };""",
    )
    first, second, third = found["counts"]
    assert 0 < first < second < third == found["left"] == found["told"]["updates"]
    assert found["early"] == 0 and found["slices"] == 3
    assert_told(found["told"], updates=third)


def test_while_it_plays_the_traits_are_told_from_time_to_time(engine):
    found = play(
        engine,
        """t.play();
        while (!world.writes.length) world.run(1);
        const [before, told] = [world.time, world.told()];
        while (world.writes.length < 2) world.run(1);
        return { before, after: world.time, told, count: t.lab.run.count };""",
    )
    assert found["after"] - found["before"] > 500 and 0 < found["told"]["updates"] < found["count"]
    assert_told(found["told"], updates=found["told"]["updates"])


def test_updates_that_the_traits_ask_for_are_computed_and_no_more(engine):
    found = play(
        engine,
        """const waits = t.catchingUp;
        world.set({ updates: 40 });
        const asked = t.catchingUp;
        world.run(1000);
        const up = t.lab.run.count;
        world.set({ updates: 7 });
        world.run(1000);
        return { waits, asked, up, down: t.lab.run.count, active: t.active, told: world.told() };""",
    )
    assert (found["waits"], found["asked"], found["up"], found["down"], found["active"]) == (False, True, 40, 7, False)
    assert_told(found["told"], updates=7)


def test_out_of_sight_it_rests_and_what_is_computed_again_goes_on(engine):
    found = play(
        engine,
        """t.play();
        world.run(1);
        t.turn(false);
        const told = world.told().updates;
        const [resting, hidden] = [world.run(9), t.training];
        t.turn(true);
        const on = world.run(1);
        t.pause();
        t.turn(false);
        world.set({ updates: on + 30 });
        const again = world.run(1000);
        world.seen = false;
        world.set({ updates: 3 });
        return { told, resting, hidden, on, again, unseen: world.run(9) };""",
    )
    assert found["told"] == found["resting"] < found["on"] and not found["hidden"]
    assert found["again"] == found["on"] + 30 and found["unseen"] == 0


def test_a_rate_that_is_turned_counts_from_the_next_update_on(engine):
    found = play(
        engine,
        """for (let i = 0; i < 5; i++) t.step();
        world.set({ learning_rate: 0.05 });
        for (let i = 0; i < 4; i++) t.step();
        return world.told();""",
    )
    assert (found["updates"], found["_rates"]) == (9, "0:0.01,5:0.05")
    assert_told(found, updates=9, learning_rate=0.05, _rates="0:0.01,5:0.05")


def test_another_network_begins_another_run_and_reset_the_same_one(engine):
    found = play(
        engine,
        """for (let i = 0; i < 5; i++) t.step();
        t.reset();
        const reset = { count: t.lab.run.count, told: world.told() };
        for (let i = 0; i < 3; i++) t.step();
        world.set({ hidden_size: 2 });
        return { reset, other: { count: t.lab.run.count, told: world.told() } };""",
    )
    for each in found.values():
        assert each["count"] == 0 and each["told"] == {"updates": 0, "_rates": "", "learning_rate": 0.01, "weights": []}


def test_after_a_divergence_half_the_rate_goes_on_and_another_start_begins(engine):
    found = play(
        engine,
        """const huge = new Float64Array(2 * 2 * 3 + 9 + 5).fill(1e308);
        world.set({ text: "abab", _characters: "ab", _weights: new DataView(huge.buffer) });
        t.play();
        world.run(1000);
        const stopped = { ...t.lab.run.stopped, active: t.active, told: world.told() };
        t.halve();
        const halved = { rate: world.traits.learning_rate, playing: t.playing, stopped: t.lab.run.stopped };
        const rates = t.lab.rates;
        t.startAnew();
        const anew = { rate: world.traits.learning_rate, count: t.lab.run.count, playing: t.playing };
        return { stopped, halved, rates, anew };""",
    )
    assert found["stopped"]["update"] == 1 and not found["stopped"]["active"]
    assert found["stopped"]["told"] == {"updates": 0, "_rates": "", "learning_rate": 0.01, "weights": []}
    assert found["halved"] == {"rate": 0.005, "playing": True, "stopped": None}
    assert found["rates"] == [{"from": 0, "rate": 0.005, "anew": False}]
    assert found["anew"] == {"rate": 0.001, "count": 0, "playing": True}


def test_a_trait_that_cannot_be_is_a_problem_of_its_control(engine):
    found = play(
        engine,
        """const wrong = { hidden_size: 65, steps: 0, clip: -1, optimizer: "lion", text: "a" };
        return Object.entries(wrong).map(([name, value]) => {
            const before = t.lab;
            try {
                world.set({ [name]: value });
            } catch (problem) {
                world.set(traits);
                return [problem.control, t.lab === before];
            }
            return [name, false];
        });""",
    )
    assert found == [[name, True] for name in ("hidden_size", "steps", "clip", "optimizer", "text")]


def test_a_sentence_is_due_at_rest_at_the_beginning_and_every_few_seconds(engine):
    found = play(
        engine,
        """const rest = [t.speaks(10), t.speaks(11)];
        t.play();
        const from = world.time;
        return { rest, playing: [10, 1010, 1020, 6000, 6100].map((ms) => t.speaks(from + ms)) };""",
    )
    assert found == {"rest": [True, True], "playing": [False, True, False, False, True]}


def test_forgotten_it_does_nothing_and_its_limit_is_python_s(engine):
    found = play(
        engine,
        """t.play();
        t.forget();
        world.tasks = 1;
        t.slice();
        t.step(); t.play(); t.pause(); t.reset(); t.halve(); t.startAnew();
        return { writes: world.writes, active: t.active };""",
    )
    assert found == {"writes": [], "active": False}
    assert f'"updates": {MAX_UPDATES}' in TrainingLab._esm
