"""Whether a scene gets depth priors: the one place where that is decided, with what was measured beside it.

A prior can do two things: the first Gaussians stand densely at its depth (``depth_seeds``,
:mod:`maquette.recon.seeding`), and it weighs in the loss (``depth_weight``). Held-out dB / SSIM of fox (7 photos that
no training saw), 240 px, 200 iterations a photo, one seed, cameras given, points from the training photos alone
(``python -m bench.depth_priors``); ``network`` is a stand-in with a slow error of 5 %, ``poor`` of 15 %, since no
weights could be had:

| prior | 3 photos | 6 photos | 9 photos |
|---|---|---|---|
| none | 12.18 / .289 | 17.94 / .527 | 19.68 / .625 |
| none, sown as densely | 11.39 / .266 | 16.81 / .520 | - |
| network, weight 0.5, not sown | 12.30 / .303 | 18.96 / .543 | - |
| network, sown | 17.10 / .508 | 22.20 / .692 | 24.19 / .765 |
| network, sown, weight 0.5 | 16.64 / .506 | 22.35 / .708 | 23.91 / .755 |
| network, sown, weight 2 | 16.91 / .515 | - | 23.34 / .739 |
| poor, sown | 15.81 / .457 | 21.39 / .643 | 22.53 / .714 |
| poor, sown, weight 0.5 | 15.86 / .451 | 21.44 / .653 | - |
| classical, sown | 15.37 / .416 | 18.62 / .550 | - |
| classical, sown, weight 0.5 | 15.53 / .421 | 18.29 / .543 | 19.99 / .621 |

16 photos: none 28.27 / .894; network, sown, weight 0.5: 29.12 / .914. On depth that is sown, a weight of 0.5 changed
-0.46 to +0.16 dB, one of 2 -0.85 to -0.14: it is left at 0. The stand-ins' depth comes from a model of all photos, the
held-out ones too: what a real network gives is not known, and may be less.

The whole step on 7 photos (one held out), ``fastest``, 320 px, one seed, ``classical`` and then none: the first of
kermit (6 placed) 19.40 / .664 and 17.81 / .569; every third of fox 23.19 / .822 and 23.16 / .791; seven of fox in a row
15.24 / .825 and 17.87 / .806, the held-out one at their end. So what gains 1 to 3 dB with three photos may cost as
much with six: interpolated depth is left off from five photos on.

Beyond the numbers of photos below nothing was measured, or hardly anything gained: there no priors are made.
"""

from __future__ import annotations

FEW_PHOTOS = 16
"""Training photos up to which a network's depth is used."""
FEWER_PHOTOS = 4
"""Training photos up to which depth interpolated from sparse points is used, where there is no network."""


def wants_priors(training_photos: int, *, network: bool) -> bool:
    """Whether so many training photos are sown from depths: of a ``network``, or interpolated from sparse points."""
    return training_photos <= (FEW_PHOTOS if network else FEWER_PHOTOS)
