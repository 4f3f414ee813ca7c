"""The two clocks of a step that says nothing; no real time passes here."""

from __future__ import annotations

from maquette.silence import Silence


def wait(silence: Silence, seconds: int, cpu_share: float) -> None:
    for _ in range(seconds * 2):
        silence.passed(0.5, 0.5 * cpu_share)


def too_long(silence: Silence) -> tuple[bool, bool]:
    return silence.idle_too_long, silence.silent_too_long


def test_who_does_nothing_is_idle_in_the_end() -> None:
    silence = Silence(300, 7200)
    wait(silence, 299, cpu_share=0.002)
    assert too_long(silence) == (False, False)
    wait(silence, 1, cpu_share=0.002)
    assert too_long(silence) == (True, False)


def test_who_computes_is_never_idle_but_silent() -> None:
    silence = Silence(300, 7200)
    wait(silence, 7199, cpu_share=0.05)
    assert too_long(silence) == (False, False)
    wait(silence, 1, cpu_share=0.05)
    assert too_long(silence) == (False, True)


def test_a_word_starts_both_clocks_again_and_a_print_only_one() -> None:
    silence = Silence(300, 400)
    wait(silence, 299, cpu_share=0)
    silence.alive()
    wait(silence, 100, cpu_share=0)
    assert silence.idle_s == 100 and silence.silent_s == 399
    silence.broken()
    assert silence.idle_s == silence.silent_s == 0


def test_both_clocks_can_be_switched_off() -> None:
    silence = Silence(0, 0)
    wait(silence, 10_000, cpu_share=0)
    assert too_long(silence) == (False, False)
