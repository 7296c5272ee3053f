"""What a record means: findings and a verdict, expectations, and runs side by side."""

from gradlab.judgement.comparison import Comparison, compare
from gradlab.judgement.expectations import expect
from gradlab.judgement.verdict import RULES_VERSION, judge

__all__ = ["RULES_VERSION", "Comparison", "compare", "expect", "judge"]
