"""The language of citizens' messages, without any rule: the lowest floor of `keywords`.

normalize (forms of a text), phonetics and typos (homophones, pinyin), small_talk (messages that ask
for nothing), bigrams (what similarity is measured by), lexicons (the word lists).
"""
