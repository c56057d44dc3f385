"""English words that say nothing of what a paper is about, folded: how papers talk, not of what."""

from __future__ import annotations

_WORDS = """
a about above abstract across additional additionally after again against aim aims all allow
allows almost along already also although always am among an and another any approach approaches
are around as at away based be became because become been before behind being below beside besides
best better between beyond both but by called came can cannot case cases compared consider
considered contrast could current currently demonstrate demonstrated demonstrates describe
described develop developed did different discuss discussed do does doing done down due during
each effect eg either else enough especially etc evaluate evaluated even ever every example
examples existing few finally find finding findings finds first focus following for former found
four from further furthermore gave general get give given gives go good had has have having he
hence her here high him his how however i idea ie if important improve improved improves in
include including increase increased indeed instead into introduce introduced investigate
investigated is issue issues it its itself just keep kept key large last later latter lead leads
least less like likely little long low made main mainly make makes many may me mean means method
methods might more moreover most mostly much must my namely near nearly need neither never
nevertheless new next no none nor not nothing novel now number obtain obtained of off often old on
once one only onto or other others our out over overall own paper papers part particular
particularly per perform performed perhaps possible present presented presents previous previously
problem problems propose proposed proposes provide provided provides put question questions quite
rather recent recently regarding report reported require required respect result resulting results
review role same second see seem seems set several shall she shed should show showed shown shows
significant simple since single small so some still studied studies study such suggest suggests
take technique techniques terms than that the their them then there thereby therefore these they
third this those though three through throughout thus to together too toward towards two type
types under understand understanding unless until up upon us use used useful uses using usually
various very via was way ways we well were what when where whereas whether which while who whole
whom whose why widely will with within without work works would yet you your
"""
STOP_WORDS = frozenset(_WORDS.split())
