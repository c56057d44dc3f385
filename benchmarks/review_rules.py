"""What is asked of the papers of two literature reviews: profiles, and rules to draw some from."""

from __future__ import annotations

import random

DRAWN = 100  # profiles
DRAWN_RULES = (3, 12)  # of a profile

# Written once, from what the review's title says and its question is, before the first figure was
# seen, and left. `title`: each word of the review's title but for stop words. `by hand`: what a
# reader might follow.
PROFILES = {
    "Kitchenham_2010": {
        "title": "systematic\nliterature\nreviews\nsoftware\nengineering\ntertiary\nstudy",
        "by hand": """
            systematic review
            systematic literature review
            literature review
            literature survey
            mapping study
            meta-analysis
            evidence-based software engineering
            software engineering
        """,
    },
    "Nagtegaal_2019": {
        "title": "nudging\nhealthcare\nprofessionals\nevidence-based\nmedicine\nsystematic\n"
        "scoping\nreview",
        "by hand": """
            nudge
            choice architecture
            behavioural economics
            default
            reminder
            prompt
            alert
            feedback
            social norm | peer comparison
            framing
            evidence-based medicine | evidence-based practice
            guideline + (adherence | compliance)
            physician | clinician | doctor | nurse | healthcare professional
        """,
    },
}

# Rules that could be asked of the topic, broad and narrow, some inside others; written after the
# first figures of the profiles above, without a look at which papers belong to it.
POOLS = {
    "Kitchenham_2010": """
        systematic review; systematic literature review; literature review; literature survey;
        mapping study; meta-analysis; evidence-based software engineering; software engineering;
        review; survey; systematic; literature; study; tertiary; engineering; software;
        secondary study; review of studies; structured review; literature analysis;
        in-depth survey; past studies; analysis of research; state of the art; overview;
        empirical + review; software + (review | survey); software engineering + review;
        evidence-based; empirical studies; systematic + review; literature + (review | survey);
        experiments; primary studies; synthesis; systematic mapping
    """,
    "Nagtegaal_2019": """
        nudge; nudging; choice architecture; behavioural economics; default; reminder; prompt;
        alert; feedback; social norm; peer comparison; framing; evidence-based medicine;
        evidence-based practice; evidence-based; guideline + adherence; adherence; compliance;
        guidelines; physician; clinician; doctor; nurse; healthcare professionals;
        health professionals; healthcare; medicine; decision support; clinical decision support;
        audit + feedback; hand hygiene; prescribing; intervention; randomized trial;
        physician behaviour; behaviour change; test ordering; quality improvement;
        professionals; order set; antibiotic + prescribing; implementation;
        computerized reminder; education + intervention; incentives
    """,
}


def drawn(review: str) -> list[str]:
    """Return profiles of a few rules drawn from the review's pool, the same in every run."""
    chance = random.Random(1)  # noqa: S311
    pool = [rule.strip() for rule in POOLS[review].split(";")]
    return ["\n".join(chance.sample(pool, chance.randint(*DRAWN_RULES))) for _ in range(DRAWN)]
