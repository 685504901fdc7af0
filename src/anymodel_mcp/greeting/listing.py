"""What the server answers to a greeting; written by `scripts/listing`, never by hand."""

from __future__ import annotations

from collections.abc import Mapping

MADE_FROM = '523 __init__.py answers.py argument_help.py arguments.py attachments.py bounds.py chat.py complete.py context.py create_media.py embed.py generate_image.py get_result.py json_schema.py list_models.py media_files.py media_inputs.py pictures.py records.py references.py schemas.py several.py sounds.py speak.py structured.py transcribe.py usage.py web_search.py'

APPS_DIFFER = True

VERSION = '@VERSION@'

PROTOCOL = '@PROTOCOL@'

INSTRUCTIONS = '@INSTRUCTIONS@'

PLACE = '@ENTRIES@'

PREFIX = '@PREFIX@'

OWN = 'own-prompt-0'

DESCRIPTION = '@DESCRIPTION@'

REQUIRED = ', all required'

FILL_REQUIRED = ('gemini-cli',)

TOOLS: Mapping[str, str] = {
    'chat': '',
    'complete': '',
    'embed': '',
    'generate_image': '',
    'create_media': 'media',
    'list_models': '',
    'get_result': 'always',
    'transcribe': 'transcription',
    'speak': 'speech',
    'usage': 'on request',
}

PROMPTS: Mapping[str, str] = {
    'second_opinion': 'chat',
    'compare_models': 'chat',
    'review_changes': 'chat',
    'cheap_summary': 'chat',
    'draw_picture': 'generate_image',
    'pick_model': 'list_models',
    'use_model': 'chat',
}

PROVIDERS: Mapping[str, tuple[str | None, str | None, tuple[str, ...], bool]] = {
    'opendatasky': ('http://server.opendatasky.com/v1/api/open-ai/ds', 'OPENDATASKY_API_KEY', (), False),
    'acedatacloud': ('https://api.acedata.cloud/openai', 'ACEDATACLOUD_API_TOKEN', (), True),
    'ionos': ('https://openai.inference.de-txl.ionos.com/v1', 'IONOS_API_TOKEN', (), False),
    'rixapi': (None, 'RIXAPI_API_KEY', ('transcription', 'speech'), True),
    'leapx': (None, 'LEAPX_API_KEY', (), False),
    'openrouter': ('https://openrouter.ai/api/v1', 'OPENROUTER_API_KEY', ('transcription', 'speech'), True),
    'siliconflow': ('https://api.siliconflow.cn/v1', 'SILICONFLOW_API_KEY', ('transcription', 'speech'), True),
    'groq': ('https://api.groq.com/openai/v1', 'GROQ_API_KEY', ('transcription', 'speech'), False),
    'together': ('https://api.together.xyz/v1', 'TOGETHER_API_KEY', ('transcription', 'speech'), True),
    'fireworks': ('https://api.fireworks.ai/inference/v1', 'FIREWORKS_API_KEY', ('transcription',), False),
    'deepinfra': ('https://api.deepinfra.com/v1/openai', 'DEEPINFRA_API_KEY', ('transcription', 'speech'), False),
    'cerebras': ('https://api.cerebras.ai/v1', 'CEREBRAS_API_KEY', (), False),
    'nvidia': ('https://integrate.api.nvidia.com/v1', 'NVIDIA_API_KEY', (), False),
    'github': ('https://models.github.ai/inference', 'GITHUB_TOKEN', (), False),
    'huggingface': ('https://router.huggingface.co/v1', 'HF_TOKEN', (), False),
    'cloudflare': (None, 'CLOUDFLARE_API_TOKEN', (), False),
    'openai': ('https://api.openai.com/v1', 'OPENAI_API_KEY', ('transcription', 'speech'), True),
    'azure': (None, 'AZURE_OPENAI_API_KEY', (), False),
    'anthropic': ('https://api.anthropic.com/v1', 'ANTHROPIC_API_KEY', (), False),
    'gemini': ('https://generativelanguage.googleapis.com/v1beta/openai', 'GEMINI_API_KEY', (), True),
    'xai': ('https://api.x.ai/v1', 'XAI_API_KEY', (), True),
    'deepseek': ('https://api.deepseek.com', 'DEEPSEEK_API_KEY', (), False),
    'dashscope': ('https://dashscope-intl.aliyuncs.com/compatible-mode/v1', 'DASHSCOPE_API_KEY', ('speech',), True),
    'moonshot': ('https://api.moonshot.ai/v1', 'MOONSHOT_API_KEY', (), False),
    'zhipu': ('https://open.bigmodel.cn/api/paas/v4', 'ZHIPUAI_API_KEY', ('transcription', 'speech'), True),
    'zai': ('https://api.z.ai/api/paas/v4', 'ZAI_API_KEY', (), True),
    'ark': ('https://ark.cn-beijing.volces.com/api/v3', 'ARK_API_KEY', (), True),
    'minimax': ('https://api.minimax.io/v1', 'MINIMAX_API_KEY', ('speech',), True),
    'mistral': ('https://api.mistral.ai/v1', 'MISTRAL_API_KEY', ('transcription', 'speech'), False),
    'cohere': ('https://api.cohere.ai/compatibility/v1', 'COHERE_API_KEY', (), False),
    'perplexity': ('https://api.perplexity.ai', 'PERPLEXITY_API_KEY', (), False),
    'ollama': ('http://localhost:11434/v1', None, (), False),
    'vllm': ('http://localhost:8000/v1', 'VLLM_API_KEY', (), False),
    'llamacpp': ('http://localhost:8080/v1', 'LLAMA_API_KEY', (), False),
    'local': (None, None, (), False),
    'lmstudio': ('http://localhost:1234/v1', None, (), False),
    'localai': ('http://localhost:8080/v1', 'LOCALAI_API_KEY', ('transcription', 'speech'), False),
    'litellm': ('http://localhost:4000/v1', 'LITELLM_API_KEY', ('transcription', 'speech'), False),
    'newapi': (None, 'NEWAPI_API_KEY', ('transcription', 'speech'), False),
}

RESULTS: Mapping[str, str] = {
    'initialize': '{"capabilities":{"completions":{},"prompts":{"listChanged":false},"resources":{"listChanged":false,"subscribe":false},"tools":{"listChanged":false}},"instructions":@INSTRUCTIONS@,"protocolVersion":"@PROTOCOL@","serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}',
    'legacy tools/list': '{"tools":[@ENTRIES@]}',
    'legacy resources/list': '{"resources":[{"description":"Configured providers, and how many models each lists","mimeType":"application/json","name":"models","uri":"anymodel://models"},{"description":"Conversations, the last used first","mimeType":"application/json","name":"conversations","uri":"anymodel://conversations"},{"description":"Calls, tokens and cost of the last 30 days, by model","mimeType":"application/json","name":"usage","uri":"anymodel://usage"}]}',
    'legacy resources/templates/list': '{"resourceTemplates":[{"description":"All models of one provider","mimeType":"application/json","name":"provider","uriTemplate":"anymodel://models/{provider}"},{"description":"One model: its record, and the provider\'s own entry","mimeType":"application/json","name":"model","uriTemplate":"anymodel://models/{provider}/{+model}"},{"description":"The whole text of a long call or answer","mimeType":"text/plain","name":"result","uriTemplate":"anymodel://results/{id}"},{"description":"One conversation, all its turns","mimeType":"application/json","name":"conversation","uriTemplate":"anymodel://conversations/{id}"},{"description":"A saved picture or vector file","mimeType":"application/octet-stream","name":"file","uriTemplate":"anymodel://files/{name}"}]}',
    'legacy prompts/list': '{"prompts":[@ENTRIES@]}',
    'modern server/discover': '{"cacheScope":"private","capabilities":{"completions":{},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}},"instructions":@INSTRUCTIONS@,"resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":0,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}}',
    'modern tools/list': '{"cacheScope":"public","resultType":"complete","tools":[@ENTRIES@],"ttlMs":300000,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}}',
    'modern resources/list': '{"cacheScope":"private","resources":[{"description":"Configured providers, and how many models each lists","mimeType":"application/json","name":"models","uri":"anymodel://models"},{"description":"Conversations, the last used first","mimeType":"application/json","name":"conversations","uri":"anymodel://conversations"},{"description":"Calls, tokens and cost of the last 30 days, by model","mimeType":"application/json","name":"usage","uri":"anymodel://usage"}],"resultType":"complete","ttlMs":0,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}}',
    'modern resources/templates/list': '{"cacheScope":"private","resourceTemplates":[{"description":"All models of one provider","mimeType":"application/json","name":"provider","uriTemplate":"anymodel://models/{provider}"},{"description":"One model: its record, and the provider\'s own entry","mimeType":"application/json","name":"model","uriTemplate":"anymodel://models/{provider}/{+model}"},{"description":"The whole text of a long call or answer","mimeType":"text/plain","name":"result","uriTemplate":"anymodel://results/{id}"},{"description":"One conversation, all its turns","mimeType":"application/json","name":"conversation","uriTemplate":"anymodel://conversations/{id}"},{"description":"A saved picture or vector file","mimeType":"application/octet-stream","name":"file","uriTemplate":"anymodel://files/{name}"}],"resultType":"complete","ttlMs":0,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}}',
    'modern prompts/list': '{"cacheScope":"private","prompts":[@ENTRIES@],"resultType":"complete","ttlMs":0,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}}',
    'legacy prompts/list, all required': '{"prompts":[@ENTRIES@]}',
    'modern prompts/list, all required': '{"cacheScope":"private","prompts":[@ENTRIES@],"resultType":"complete","ttlMs":0,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}}',
}

WITHOUT_PROMPTS: Mapping[str, str] = {
    'initialize': '{"capabilities":{"completions":{},"resources":{"listChanged":false,"subscribe":false},"tools":{"listChanged":false}},"instructions":@INSTRUCTIONS@,"protocolVersion":"@PROTOCOL@","serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}',
    'modern server/discover': '{"cacheScope":"private","capabilities":{"completions":{},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}},"instructions":@INSTRUCTIONS@,"resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":0,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"anymodel","title":"AnyModel","version":"@VERSION@"}}}',
}

ENTRIES: Mapping[str, Mapping[str, str]] = {
    'legacy tools/list': {
        'chat': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Asks another AI model, or several. Sees pictures, reads files, hears audio, keeps threads. A long answer ends with an id for get_result.","inputSchema":{"properties":{"prompt":{"type":"string"},"messages":{"description":"OpenAI messages, not prompt","items":{"properties":{"role":{"type":"string"}},"type":"object"},"type":"array"},"model":{"description":"`provider/id`, alias or id (list_models); default: configured","type":"string"},"models":{"description":"ask several","items":{"type":"string"},"type":"array"},"system":{"type":"string"},"images":{"items":{"type":"string"},"type":"array"},"files":{"description":"text, PDF, audio; as all inputs: URL, data URL or path","items":{"type":"string"},"type":"array"},"conversation":{"description":"\\"new\\", then its id","type":"string"},"temperature":{"type":"number"},"top_p":{"type":"number"},"max_tokens":{"type":"integer"},"stop":{"items":{"type":"string"},"type":"array"},"reasoning_effort":{"description":"low, high, ...","type":"string"},"search":{"type":"boolean"},"json_schema":{"description":"the answer must satisfy it","properties":{"type":{"type":"string"}},"type":"object"},"tools":{"description":"OpenAI definitions; calls come back unrun","items":{"properties":{"function":{"properties":{"name":{"type":"string"}},"type":"object"}},"type":"object"},"type":"array"},"stream":{"type":"boolean"},"options":{"description":"in every tool: any other request field, verbatim","properties":{"seed":{"type":"integer"}},"type":"object"}},"type":"object","additionalProperties":false},"name":"@PREFIX@chat"}',
        'complete': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Continues a text (legacy /completions; chat is the usual way).","inputSchema":{"properties":{"prompt":{"type":"string"},"model":{"type":"string"},"max_tokens":{"type":"integer"},"temperature":{"type":"number"},"stop":{"items":{"type":"string"},"type":"array"},"stream":{"type":"boolean"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"required":["prompt"],"type":"object","additionalProperties":false},"name":"@PREFIX@complete"}',
        'embed': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Embeds texts, saves the vectors. With `query` ranks the texts, also by rerank models.","inputSchema":{"properties":{"input":{"items":{"type":"string"},"type":"array"},"model":{"type":"string"},"dimensions":{"type":"integer"},"query":{"type":"string"},"output":{"enum":["file","vectors"],"type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"required":["input"],"type":"object","additionalProperties":false},"name":"@PREFIX@embed"}',
        'generate_image': '{"annotations":{"destructiveHint":false,"openWorldHint":true,"readOnlyHint":false},"description":"Makes or edits pictures: saved, shown small.","inputSchema":{"properties":{"prompt":{"type":"string"},"model":{"type":"string"},"size":{"type":"string"},"n":{"maximum":16,"type":"integer"},"quality":{"type":"string"},"output_format":{"type":"string"},"images":{"description":"to edit","items":{"type":"string"},"type":"array"},"mask":{"type":"string"},"inline":{"enum":["preview","full","none"],"type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"required":["prompt"],"type":"object","additionalProperties":false},"name":"@PREFIX@generate_image"}',
        'create_media': '{"annotations":{"destructiveHint":false,"openWorldHint":true,"readOnlyHint":false},"description":"Pictures, music, video by paid tasks (Midjourney, Suno, Kling, Sora, ...); until done an id for get_result.","inputSchema":{"properties":{"service":{"description":"suno, midjourney, video, ...; default: by model","type":"string"},"action":{"description":"lyrics, extend, ...; a wrong one lists all","type":"string"},"prompt":{"type":"string"},"model":{"type":"string"},"files":{"items":{"type":"string"},"type":"array"},"task":{"description":"id to continue from","type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"type":"object","additionalProperties":false},"name":"@PREFIX@create_media"}',
        'list_models': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Models that can be called, 20 a page: context, abilities, price ($ per million tokens).","inputSchema":{"properties":{"query":{"description":"words of the id or name","type":"string"},"provider":{"type":"string"},"capability":{"enum":["chat","embedding","image","vision","tools","reasoning","rerank","audio","video"],"type":"string"},"limit":{"type":"integer"},"offset":{"type":"integer"},"refresh":{"type":"boolean"}},"type":"object","additionalProperties":false},"name":"@PREFIX@list_models"}',
        'get_result': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"The rest of a long call or answer: by the id in its note. Without id: the newest calls.","inputSchema":{"properties":{"id":{"type":"string"},"wait_s":{"type":"number"},"offset":{"type":"integer"},"cancel":{"description":"stop the call","type":"boolean"}},"type":"object","additionalProperties":false},"name":"@PREFIX@get_result"}',
        'transcribe': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Speech to text.","inputSchema":{"properties":{"file":{"type":"string"},"model":{"type":"string"},"language":{"type":"string"},"format":{"enum":["text","segments","srt","vtt"],"type":"string"},"translate":{"description":"into English","type":"boolean"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"required":["file"],"type":"object","additionalProperties":false},"name":"@PREFIX@transcribe"}',
        'speak': '{"annotations":{"destructiveHint":false,"openWorldHint":true,"readOnlyHint":false},"description":"Text to speech, saved as a file.","inputSchema":{"properties":{"text":{"type":"string"},"model":{"type":"string"},"voice":{"type":"string"},"format":{"type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"required":["text"],"type":"object","additionalProperties":false},"name":"@PREFIX@speak"}',
        'usage': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Calls, tokens and cost so far.","inputSchema":{"properties":{"since":{"description":"30m, 24h, 7d (default), 4w or a date","type":"string"},"by":{"enum":["day","host","tool","provider","model","outcome","all"],"type":"string"}},"type":"object","additionalProperties":false},"name":"@PREFIX@usage"}',
    },
    'legacy prompts/list': {
        'second_opinion': '{"arguments":[{"description":"default: the last topic","name":"request"}],"description":"Ask a strong model of another maker, and compare","name":"@PREFIX@second_opinion"}',
        'compare_models': '{"arguments":[{"description":"default: the last topic","name":"request"}],"description":"Ask several models at once, and compare their answers","name":"@PREFIX@compare_models"}',
        'review_changes': '{"arguments":[{"description":"default: uncommitted changes","name":"request"}],"description":"Have another model review the code changes","name":"@PREFIX@review_changes"}',
        'cheap_summary': '{"arguments":[{"description":"files, and what to look for","name":"request"}],"description":"Have a cheap model summarize files","name":"@PREFIX@cheap_summary"}',
        'draw_picture': '{"arguments":[{"description":"what to draw","name":"request"}],"description":"Draw a picture from a description","name":"@PREFIX@draw_picture"}',
        'pick_model': '{"arguments":[{"description":"the task","name":"request"}],"description":"Propose models for a task, with price and reason","name":"@PREFIX@pick_model"}',
        'use_model': '{"arguments":[{"description":"provider/id","name":"model"}],"description":"Use one model for the rest of the conversation","name":"@PREFIX@use_model"}',
        'own-prompt-0': '{"arguments":[{"description":"what it is about","name":"request"}],"description":@DESCRIPTION@,"name":"@PREFIX@own-prompt-0"}',
    },
    'modern tools/list': {
        'chat': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Asks another AI model, or several. Sees pictures, reads files, hears audio, keeps threads. A long answer ends with an id for get_result.","inputSchema":{"type":"object","properties":{"prompt":{"type":"string"},"messages":{"description":"OpenAI messages, not prompt","items":{"properties":{"role":{"type":"string"}},"type":"object"},"type":"array"},"model":{"description":"`provider/id`, alias or id (list_models); default: configured","type":"string"},"models":{"description":"ask several","items":{"type":"string"},"type":"array"},"system":{"type":"string"},"images":{"items":{"type":"string"},"type":"array"},"files":{"description":"text, PDF, audio; as all inputs: URL, data URL or path","items":{"type":"string"},"type":"array"},"conversation":{"description":"\\"new\\", then its id","type":"string"},"temperature":{"type":"number"},"top_p":{"type":"number"},"max_tokens":{"type":"integer"},"stop":{"items":{"type":"string"},"type":"array"},"reasoning_effort":{"description":"low, high, ...","type":"string"},"search":{"type":"boolean"},"json_schema":{"description":"the answer must satisfy it","properties":{"type":{"type":"string"}},"type":"object"},"tools":{"description":"OpenAI definitions; calls come back unrun","items":{"properties":{"function":{"properties":{"name":{"type":"string"}},"type":"object"}},"type":"object"},"type":"array"},"stream":{"type":"boolean"},"options":{"description":"in every tool: any other request field, verbatim","properties":{"seed":{"type":"integer"}},"type":"object"}},"additionalProperties":false},"name":"@PREFIX@chat"}',
        'complete': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Continues a text (legacy /completions; chat is the usual way).","inputSchema":{"type":"object","properties":{"prompt":{"type":"string"},"model":{"type":"string"},"max_tokens":{"type":"integer"},"temperature":{"type":"number"},"stop":{"items":{"type":"string"},"type":"array"},"stream":{"type":"boolean"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"additionalProperties":false,"required":["prompt"]},"name":"@PREFIX@complete"}',
        'embed': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Embeds texts, saves the vectors. With `query` ranks the texts, also by rerank models.","inputSchema":{"type":"object","properties":{"input":{"items":{"type":"string"},"type":"array"},"model":{"type":"string"},"dimensions":{"type":"integer"},"query":{"type":"string"},"output":{"enum":["file","vectors"],"type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"additionalProperties":false,"required":["input"]},"name":"@PREFIX@embed"}',
        'generate_image': '{"annotations":{"destructiveHint":false,"openWorldHint":true,"readOnlyHint":false},"description":"Makes or edits pictures: saved, shown small.","inputSchema":{"type":"object","properties":{"prompt":{"type":"string"},"model":{"type":"string"},"size":{"type":"string"},"n":{"maximum":16,"type":"integer"},"quality":{"type":"string"},"output_format":{"type":"string"},"images":{"description":"to edit","items":{"type":"string"},"type":"array"},"mask":{"type":"string"},"inline":{"enum":["preview","full","none"],"type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"additionalProperties":false,"required":["prompt"]},"name":"@PREFIX@generate_image"}',
        'create_media': '{"annotations":{"destructiveHint":false,"openWorldHint":true,"readOnlyHint":false},"description":"Pictures, music, video by paid tasks (Midjourney, Suno, Kling, Sora, ...); until done an id for get_result.","inputSchema":{"type":"object","properties":{"service":{"description":"suno, midjourney, video, ...; default: by model","type":"string"},"action":{"description":"lyrics, extend, ...; a wrong one lists all","type":"string"},"prompt":{"type":"string"},"model":{"type":"string"},"files":{"items":{"type":"string"},"type":"array"},"task":{"description":"id to continue from","type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"additionalProperties":false},"name":"@PREFIX@create_media"}',
        'list_models': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Models that can be called, 20 a page: context, abilities, price ($ per million tokens).","inputSchema":{"type":"object","properties":{"query":{"description":"words of the id or name","type":"string"},"provider":{"type":"string"},"capability":{"enum":["chat","embedding","image","vision","tools","reasoning","rerank","audio","video"],"type":"string"},"limit":{"type":"integer"},"offset":{"type":"integer"},"refresh":{"type":"boolean"}},"additionalProperties":false},"name":"@PREFIX@list_models"}',
        'get_result': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"The rest of a long call or answer: by the id in its note. Without id: the newest calls.","inputSchema":{"type":"object","properties":{"id":{"type":"string"},"wait_s":{"type":"number"},"offset":{"type":"integer"},"cancel":{"description":"stop the call","type":"boolean"}},"additionalProperties":false},"name":"@PREFIX@get_result"}',
        'transcribe': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Speech to text.","inputSchema":{"type":"object","properties":{"file":{"type":"string"},"model":{"type":"string"},"language":{"type":"string"},"format":{"enum":["text","segments","srt","vtt"],"type":"string"},"translate":{"description":"into English","type":"boolean"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"additionalProperties":false,"required":["file"]},"name":"@PREFIX@transcribe"}',
        'speak': '{"annotations":{"destructiveHint":false,"openWorldHint":true,"readOnlyHint":false},"description":"Text to speech, saved as a file.","inputSchema":{"type":"object","properties":{"text":{"type":"string"},"model":{"type":"string"},"voice":{"type":"string"},"format":{"type":"string"},"options":{"properties":{"seed":{"type":"integer"}},"type":"object"}},"additionalProperties":false,"required":["text"]},"name":"@PREFIX@speak"}',
        'usage': '{"annotations":{"openWorldHint":true,"readOnlyHint":true},"description":"Calls, tokens and cost so far.","inputSchema":{"type":"object","properties":{"since":{"description":"30m, 24h, 7d (default), 4w or a date","type":"string"},"by":{"enum":["day","host","tool","provider","model","outcome","all"],"type":"string"}},"additionalProperties":false},"name":"@PREFIX@usage"}',
    },
    'modern prompts/list': {
        'second_opinion': '{"arguments":[{"description":"default: the last topic","name":"request"}],"description":"Ask a strong model of another maker, and compare","name":"@PREFIX@second_opinion"}',
        'compare_models': '{"arguments":[{"description":"default: the last topic","name":"request"}],"description":"Ask several models at once, and compare their answers","name":"@PREFIX@compare_models"}',
        'review_changes': '{"arguments":[{"description":"default: uncommitted changes","name":"request"}],"description":"Have another model review the code changes","name":"@PREFIX@review_changes"}',
        'cheap_summary': '{"arguments":[{"description":"files, and what to look for","name":"request"}],"description":"Have a cheap model summarize files","name":"@PREFIX@cheap_summary"}',
        'draw_picture': '{"arguments":[{"description":"what to draw","name":"request"}],"description":"Draw a picture from a description","name":"@PREFIX@draw_picture"}',
        'pick_model': '{"arguments":[{"description":"the task","name":"request"}],"description":"Propose models for a task, with price and reason","name":"@PREFIX@pick_model"}',
        'use_model': '{"arguments":[{"description":"provider/id","name":"model"}],"description":"Use one model for the rest of the conversation","name":"@PREFIX@use_model"}',
        'own-prompt-0': '{"arguments":[{"description":"what it is about","name":"request"}],"description":@DESCRIPTION@,"name":"@PREFIX@own-prompt-0"}',
    },
    'legacy prompts/list, all required': {
        'second_opinion': '{"arguments":[{"description":"default: the last topic","name":"request","required":true}],"description":"Ask a strong model of another maker, and compare","name":"@PREFIX@second_opinion"}',
        'compare_models': '{"arguments":[{"description":"default: the last topic","name":"request","required":true}],"description":"Ask several models at once, and compare their answers","name":"@PREFIX@compare_models"}',
        'review_changes': '{"arguments":[{"description":"default: uncommitted changes","name":"request","required":true}],"description":"Have another model review the code changes","name":"@PREFIX@review_changes"}',
        'cheap_summary': '{"arguments":[{"description":"files, and what to look for","name":"request","required":true}],"description":"Have a cheap model summarize files","name":"@PREFIX@cheap_summary"}',
        'draw_picture': '{"arguments":[{"description":"what to draw","name":"request","required":true}],"description":"Draw a picture from a description","name":"@PREFIX@draw_picture"}',
        'pick_model': '{"arguments":[{"description":"the task","name":"request","required":true}],"description":"Propose models for a task, with price and reason","name":"@PREFIX@pick_model"}',
        'use_model': '{"arguments":[{"description":"provider/id","name":"model","required":true}],"description":"Use one model for the rest of the conversation","name":"@PREFIX@use_model"}',
        'own-prompt-0': '{"arguments":[{"description":"what it is about","name":"request","required":true}],"description":@DESCRIPTION@,"name":"@PREFIX@own-prompt-0"}',
    },
    'modern prompts/list, all required': {
        'second_opinion': '{"arguments":[{"description":"default: the last topic","name":"request","required":true}],"description":"Ask a strong model of another maker, and compare","name":"@PREFIX@second_opinion"}',
        'compare_models': '{"arguments":[{"description":"default: the last topic","name":"request","required":true}],"description":"Ask several models at once, and compare their answers","name":"@PREFIX@compare_models"}',
        'review_changes': '{"arguments":[{"description":"default: uncommitted changes","name":"request","required":true}],"description":"Have another model review the code changes","name":"@PREFIX@review_changes"}',
        'cheap_summary': '{"arguments":[{"description":"files, and what to look for","name":"request","required":true}],"description":"Have a cheap model summarize files","name":"@PREFIX@cheap_summary"}',
        'draw_picture': '{"arguments":[{"description":"what to draw","name":"request","required":true}],"description":"Draw a picture from a description","name":"@PREFIX@draw_picture"}',
        'pick_model': '{"arguments":[{"description":"the task","name":"request","required":true}],"description":"Propose models for a task, with price and reason","name":"@PREFIX@pick_model"}',
        'use_model': '{"arguments":[{"description":"provider/id","name":"model","required":true}],"description":"Use one model for the rest of the conversation","name":"@PREFIX@use_model"}',
        'own-prompt-0': '{"arguments":[{"description":"what it is about","name":"request","required":true}],"description":@DESCRIPTION@,"name":"@PREFIX@own-prompt-0"}',
    },
}
