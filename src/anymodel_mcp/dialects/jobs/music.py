"""Music services."""

from __future__ import annotations

from anymodel_mcp.dialects.jobs.row import JobRow

CHECKED = "2026-11-21"

ROWS: tuple[JobRow, ...] = (
    JobRow(
        name="suno",
        submit={
            "music": "/suno/submit/music",
            "lyrics": "/suno/submit/lyrics",
            "concat": "/suno/submit/concat",
            "upload": "/suno/uploads/audio-url",
        },
        poll="GET /suno/fetch/{id}",
        fields={"model": "mv", "audio": "url as url", "task": "task_id"},
        states=("data.status",),
        texts={"lyrics": "data.data.text"},
        outputs=("data.data[].audio_url", "data.data[].video_url", "data.result_url"),
        every_s=(3, 5),
        models=("suno", "chirp"),
        source="https://docs.newapi.pro/en/docs/api (Suno); https://apiai.apifox.cn/api-195998379",
        checked=CHECKED,
    ),
    JobRow(
        name="udio",
        submit={"music": "/udio/generate"},
        poll="GET /udio/query?ids={id}",
        ids=("track_ids[]", "data.track_ids[]", "data.task_id", "task_id"),
        states=("songs[].finished", "data.status"),
        words={"": "running"},
        outputs=("songs[].song_path", "data.songs[].song_path"),
        fields={"model": "model"},
        every_s=(3, 5),
        models=("udio",),
        source="https://apiai.apifox.cn/api-229932218 (the answer to the submit is not confirmed)",
        checked=CHECKED,
    ),
)
