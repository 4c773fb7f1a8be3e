"""The pages *Conhecimento*: texts of the company, which the agent answers from.

The texts are the agent server's (`graph/knowledge`); the console asks it over HTTP with KNOWLEDGE_TOKEN.

`server`: the questions to the agent server. `shapes`: its answers. `forms`: a text as people write it.
`listing`, `writing`, `text_page`, `trying`, `questions`, `cases`, `importing`: the pages.
`marking`: people's word about an answer.
"""
