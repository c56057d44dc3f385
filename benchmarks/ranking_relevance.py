"""How early relevance shows what a literature review took, beside plain BM25 over the same words.

    python benchmarks/ranking_relevance.py [--json FILE]

Two reviews, each with all papers that its authors had found and which of them belonged to it. The
papers are ranked by the product's own matching and relevance for rules that a reader of the topic
might write, and by BM25 over the words of these rules. The measure is average precision, of papers
with equal scores the mean over all their orders; papers that nothing was found in come last.
"""

from __future__ import annotations

# How the rules were written: from the review's title and the question it asks, once, before the
# first figure was seen. `title` is mechanical: each word of the review's title but stop words.
RULES = {
    "Kitchenham_2010": {
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
        "title": "systematic\nliterature\nreviews\nsoftware\nengineering\ntertiary\nstudy",
    },
    "Nagtegaal_2019": {
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
        "title": "nudging\nhealthcare\nprofessionals\nevidence-based\nmedicine\nsystematic\n"
        "scoping\nreview",
    },
}
