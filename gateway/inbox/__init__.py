"""The way in: a webhook becomes durable items, an item an event, an event a message; files are fetched.

`webhook.Webhook` and `writer.Inbox`: the HTTP side, run by `serve`, as is `late_signatures`: items whose number became
known after them. `intake.Intake`: events to messages, run by `work`,
with a function for each kind of event in `message_events` and `notice_events`; `outcomes`: how an event can end;
`run_items`: a message in the run contract's words; `courtesies`: mere thanks.
`media_fetcher.MediaLoader`: files of customers, run by `work`.
"""
