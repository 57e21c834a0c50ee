"""What rules did and did not answer. Imports `rules` and `language`.

hits (answers per rule and day), unanswered (clusters of messages without an answer), clustering
(puts a message into its cluster), similarity (when two messages ask the same).
"""
