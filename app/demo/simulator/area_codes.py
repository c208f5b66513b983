"""American area codes by state, and telephone numbers of the right form made from them.

A plain table: codes of the North American Numbering Plan in service, a handful for the large states, all for the small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# State, people (millions, 2023), area codes. New codes with few exchanges in service are left out.
_TABLE: tuple[tuple[str, float, tuple[int, ...]], ...] = (
    ("CA", 39.0, (209, 213, 279, 310, 323, 341, 350, 369,)),
    ("TX", 30.0, (210, 214, 254, 281, 325, 346, 361, 409,)),
    ("FL", 22.6, (239, 305, 321, 324, 352, 386, 407, 448,)),
    ("NY", 19.6, (212, 315, 329, 332, 347, 363, 516, 518,)),
    ("PA", 13.0, (215, 223, 267, 272, 412, 445, 484, 570,)),
    ("IL", 12.5, (217, 224, 309, 312, 331, 447, 464, 618,)),
    ("OH", 11.8, (216, 220, 234, 283, 326, 330, 380, 419,)),
    ("GA", 11.0, (229, 404, 470, 478, 678, 706, 762, 770,)),
    ("NC", 10.8, (252, 336, 472, 704, 743, 828, 910, 919,)),
    ("MI", 10.0, (231, 248, 269, 313, 517, 586, 616, 734,)),
    ("NJ", 9.3, (201, 551, 609, 640, 732, 848, 856, 862,)),
    ("VA", 8.7, (276, 434, 540, 571, 686, 703, 757, 804,)),
    ("WA", 7.8, (206, 253, 360, 425, 509, 564,)),
    ("AZ", 7.4, (480, 520, 602, 623, 928,)),
    ("TN", 7.1, (423, 615, 629, 731, 865, 901, 931,)),
    ("MA", 7.0, (339, 351, 413, 508, 617, 774, 781, 857,)),
    ("IN", 6.9, (219, 260, 317, 463, 574, 765, 812, 930,)),
    ("MO", 6.2, (235, 314, 417, 557, 573, 636, 660, 816,)),
    ("MD", 6.2, (227, 240, 301, 410, 443, 667,)),
    ("WI", 5.9, (262, 274, 353, 414, 534, 608, 715, 920,)),
    ("CO", 5.9, (303, 719, 720, 748, 970,)),
    ("MN", 5.7, (218, 320, 507, 612, 651, 763, 952,)),
    ("SC", 5.4, (803, 821, 839, 843, 854, 864,)),
    ("AL", 5.1, (205, 251, 256, 334, 659, 938,)),
    ("LA", 4.6, (225, 318, 337, 504, 985,)),
    ("KY", 4.5, (270, 364, 502, 606, 859,)),
    ("OR", 4.2, (458, 503, 541, 971,)),
    ("OK", 4.1, (405, 539, 572, 580, 918,)),
    ("CT", 3.6, (203, 475, 860, 959,)),
    ("UT", 3.4, (385, 435, 801,)),
    ("IA", 3.2, (319, 515, 563, 641, 712,)),
    ("NV", 3.2, (702, 725, 775,)),
    ("AR", 3.1, (327, 479, 501, 870,)),
    ("KS", 2.9, (316, 620, 785, 913,)),
    ("MS", 2.9, (228, 601, 662, 769,)),
    ("NM", 2.1, (505, 575,)),
    ("ID", 2.0, (208, 986,)),
    ("NE", 2.0, (308, 402, 531,)),
    ("WV", 1.8, (304, 681,)),
    ("HI", 1.4, (808,)),
    ("NH", 1.4, (603,)),
    ("ME", 1.4, (207,)),
    ("MT", 1.1, (406,)),
    ("RI", 1.1, (401,)),
    ("DE", 1.0, (302,)),
    ("SD", 0.9, (605,)),
    ("ND", 0.8, (701,)),
    ("AK", 0.7, (907,)),
    ("VT", 0.6, (802,)),
    ("WY", 0.6, (307,)),
    ("DC", 0.7, (202, 771,)),
)  # fmt: skip

STATES: tuple[str, ...] = tuple(f"US-{state}" for state, _, _ in _TABLE)
"""ISO 3166-2 of every state and the District of Columbia; their place here is a region's index in the simulator."""
PEOPLE: NDArray[np.float64] = np.array([people for _, people, _ in _TABLE]) / sum(people for _, people, _ in _TABLE)
"""Share of the people who live in each of ``STATES``."""
CODES: tuple[tuple[int, ...], ...] = tuple(codes for _, _, codes in _TABLE)
"""Area codes of each of ``STATES``."""
_STATE_OF = {code: index for index, codes in enumerate(CODES) for code in codes}
_EXCHANGES = tuple(e for e in range(200, 1000) if e % 100 != 11 and e != 555)
PHONES_PER_CODE = len(_EXCHANGES) * 10_000
"""How many telephone numbers an area code has here: no service codes, none of the exchange kept for fiction."""


def draw_phone(state: int, rng: np.random.Generator) -> str:
    """A telephone number (E.164) of a state, every area code, exchange and line equally likely."""
    codes = CODES[state]
    code = codes[int(rng.integers(len(codes)))]
    return f"+1{code}{_EXCHANGES[int(rng.integers(len(_EXCHANGES)))]}{int(rng.integers(10_000)):04d}"


def state_of(phone: str) -> int:
    """The index in ``STATES`` of a number drawn by ``draw_phone``. ``KeyError`` for another area code."""
    return _STATE_OF[int(phone[2:5])]


def number_density(state: int) -> float:
    """The chance of one particular number of a state, when a number of that state is drawn."""
    return 1.0 / (len(CODES[state]) * PHONES_PER_CODE)


def fiction_numbers(state: int, count: int) -> tuple[str, ...]:
    """``count`` tracking numbers in the exchange kept for fiction, in the state's codes and then its neighbours'."""
    codes = [code for shift in range(len(CODES)) for code in CODES[(state + shift) % len(CODES)]]
    return tuple(f"+1{codes[k // 9900]}555{100 + k % 9900:04d}" for k in range(count))


__all__ = [
    "CODES",
    "PEOPLE",
    "PHONES_PER_CODE",
    "STATES",
    "draw_phone",
    "fiction_numbers",
    "number_density",
    "state_of",
]
