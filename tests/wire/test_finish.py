"""Finish reasons of many providers."""

from __future__ import annotations

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ChatResult
from anymodel_mcp.wire.content.finish import is_failure, raw_finish, read_finish, warn_unknown
from tests.wire.feeding import DONE, JSON_HEAD, as_bytes, chat, chat_failure, chunk, completion, frame, message, texts

OUTSIDE_STOPS = [
    # (word, where it is documented or seen)
    ("abort", "https://github.com/vllm-project/vllm/pull/47933"),
    ("abort", "https://github.com/sgl-project/sglang/pull/6693"),
    ("aborted", "https://github.com/verl-project/verl/pull/4453"),
    ("cancelled", "https://ibm.github.io/watsonx-ai-node-sdk/enums/1_3_x.WatsonXAI.TextChatResultChoice.Constants.FinishReason.html"),
    ("time_limit", "https://ibm.github.io/watsonx-ai-node-sdk/enums/1_3_x.WatsonXAI.TextChatResultChoice.Constants.FinishReason.html"),
    ("USER_CANCEL", "https://docs.oracle.com/en-us/iaas/tools/dotnet/latest/api/Oci.GenerativeaiinferenceService.Models.CohereChatResponse.FinishReasonEnum.html"),
    ("UserCancel", "https://docs.oracle.com/en-us/iaas/tools/dotnet/latest/api/Oci.GenerativeaiinferenceService.Models.CohereChatResponse.FinishReasonEnum.html"),
    ("insufficient_system_resource", "https://docs.rs/openai-interface/0.12.0/openai_interface/chat/enum.FinishReason.html"),
    ("client_cancelled", "https://docs.livekit.io/agents-js/types/plugins_agents_plugin_openai.realtime.ResponseStatusDetails.html"),
    ("killed", "made up: the plain word of a worker that was killed"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "source"), OUTSIDE_STOPS)
def test_a_stop_from_outside_is_a_failure_with_the_partial_text(word: str, source: str) -> None:
    streamed = chat_failure(texts("Half an") + chunk({}, word) + DONE)
    whole = chat_failure(as_bytes(message("Half an", word)), head=JSON_HEAD)
    for failure in (streamed, whole):
        assert (failure.kind, failure.partial_text) == ("upstream", "Half an"), source
        assert word in failure.message
    assert not streamed.retryable


def test_a_completion_that_is_stopped_from_outside_fails_too() -> None:
    failure = completion(frame({"choices": [{"text": "Half", "finish_reason": "abort"}]}))
    assert isinstance(failure, Failure)
    assert failure.partial_text == "Half"


KNOWN = [
    ("stop", "stop", "https://platform.openai.com/docs/api-reference/chat/object"),
    ("STOP", "stop", "https://cloud.google.com/vertex-ai/generative-ai/docs/reference/python/1.59.0/vertexai.generative_models.FinishReason"),
    ("FINISH_REASON_STOP", "stop", "protobuf's form of the same enumeration"),
    ("end_turn", "stop", "https://docs.anthropic.com/en/api/messages"),
    ("eos_token", "stop", "https://ibm.github.io/watsonx-ai-node-sdk/interfaces/0_1_x.WatsonXAI.TextGenResult-1.html"),
    ("COMPLETE", "stop", "https://docs.oracle.com/en-us/iaas/tools/dotnet/latest/api/Oci.GenerativeaiinferenceService.Models.CohereChatResponse.FinishReasonEnum.html"),
    ("MaxTokens", "length", "https://docs.oracle.com/en-us/iaas/tools/dotnet/latest/api/Oci.GenerativeaiinferenceService.Models.CohereChatResponse.FinishReasonEnum.html"),
    ("MAX_TOKENS", "length", "https://cloud.google.com/vertex-ai/generative-ai/docs/reference/python/1.59.0/vertexai.generative_models.FinishReason"),
    ("token_limit", "length", "https://ibm.github.io/watsonx-ai-node-sdk/interfaces/0_1_x.WatsonXAI.TextGenResult-1.html"),
    ("tool-calls", "tool_calls", "https://pub.dev/documentation/flutter_ai_client/0.2.5/flutter_ai_client/FinishReason.html"),
    ("toolCalls", "tool_calls", "https://pub.dev/documentation/runanywhere/0.20.19/public_api_types_results/FinishReason.html"),
    ("content-filter", "content_filter", "https://pub.dev/documentation/flutter_ai_client/0.2.5/flutter_ai_client/FinishReason.html"),
    ("PROHIBITED_CONTENT", "content_filter", "https://cloud.google.com/python/docs/reference/aiplatform/latest/vertexai.generative_models.FinishReason"),
    ("ERROR_TOXIC", "content_filter", "https://docs.oracle.com/en-us/iaas/tools/dotnet/latest/api/Oci.GenerativeaiinferenceService.Models.CohereChatResponse.FinishReasonEnum.html"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "reason", "source"), KNOWN)
def test_a_known_word_in_any_spelling_is_read_without_a_warning(word: str, reason: str, source: str) -> None:
    assert read_finish(word) == reason, source
    assert not is_failure(word)
    assert warn_unknown(word) == []


UNKNOWN = [
    ("OTHER", "https://cloud.google.com/python/docs/reference/aiplatform/latest/vertexai.generative_models.FinishReason"),
    ("FINISH_REASON_UNSPECIFIED", "https://cloud.google.com/vertex-ai/generative-ai/docs/reference/python/1.59.0/vertexai.generative_models.FinishReason"),
    ("UnknownEnumValue", "https://docs.oracle.com/en-us/iaas/tools/dotnet/latest/api/Oci.GenerativeaiinferenceService.Models.CohereChatResponse.FinishReasonEnum.html"),
    ("pause_turn", "https://docs.anthropic.com/en/api/messages"),
    ("turn_detected", "https://docs.livekit.io/agents-js/types/plugins_agents_plugin_openai.realtime.ResponseStatusDetails.html"),
    ("LANGUAGE", "https://ai.google.dev/api/generate-content#FinishReason"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "source"), UNKNOWN)
def test_an_unknown_word_is_quoted_in_a_warning(word: str, source: str) -> None:
    result = chat(texts("Half an") + chunk({}, word) + DONE)
    assert (result.text, result.finish_reason, result.finish_raw) == ("Half an", "unknown", word), source
    assert any(repr(word) in w for w in result.warnings)


@pytest.mark.parametrize(("word", "source"), UNKNOWN)
def test_an_unknown_word_without_any_answer_is_a_failure(word: str, source: str) -> None:
    failure = chat_failure(chunk({"role": "assistant"}, word) + DONE)
    assert failure.kind == "upstream", source
    assert word in failure.message


BROKEN_CALLS = [
    ("MALFORMED_FUNCTION_CALL", "https://github.com/googleapis/python-genai/issues/1836"),
    ("function_call_filter: MALFORMED_FUNCTION_CALL", "https://github.com/NousResearch/hermes-agent/pull/83882"),
    ("malformed_function_call", "https://github.com/NousResearch/hermes-agent/pull/83886"),
    ("UNEXPECTED_TOOL_CALL", "https://github.com/NousResearch/hermes-agent/pull/83882"),
    ("FinishReason.MALFORMED_FUNCTION_CALL", "https://github.com/pydantic/pydantic-ai/pull/3095"),
    ("TOO_MANY_TOOL_CALLS", "https://ai.google.dev/api/generate-content#FinishReason"),
    ("malformed_tool_use", "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "source"), BROKEN_CALLS)
def test_a_call_that_the_provider_could_not_read_is_a_failure_with_its_advice(word: str, source: str) -> None:
    failure = chat_failure(chunk({"role": "assistant"}, word) + DONE)
    assert (failure.kind, failure.retryable) == ("upstream", False), source
    assert word in failure.message
    assert "tool call" in failure.message
    assert "simplify the tools" in failure.fix


def test_an_answer_that_is_incomplete_for_no_reason_is_truncated_and_says_so() -> None:
    result = chat(as_bytes(message("Half an", "incomplete")), head=JSON_HEAD)
    assert result.finish_reason == "length"
    assert any("does not say why" in w for w in result.warnings)


def test_a_finish_reason_that_is_an_object_is_read_by_its_type() -> None:
    """SGLang's own form: https://docs.sglang.ai/basic_usage/native_api.html."""
    assert raw_finish({"type": "abort", "message": "Abort by client"}) == "abort"


FILTERS = [
    # Azure: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter
    ({"hate": {"filtered": True, "severity": "high"}, "violence": {"filtered": False}}, "(hate)"),
    ({"self_harm": {"filtered": True}, "sexual": {"filtered": True}}, "(self_harm, sexual)"),
    ({"protected_material_text": {"filtered": True, "detected": True}}, "(protected_material_text)"),
    ({"custom_blocklists": {"filtered": True, "details": [{"id": "x", "filtered": True}]}}, "(custom_blocklists)"),
    # watsonx gateway: https://ibm.github.io/watsonx-ai-node-sdk/interfaces/1_7_x.gateway.ChatsSelfHarm.html
    ({"jailbreak": {"filtered": True, "detected": True}}, "(jailbreak)"),
]


@pytest.mark.parametrize(("results", "names"), FILTERS)
@pytest.mark.parametrize("text", ["", "Half an"])
@pytest.mark.parametrize("streamed", [True, False])
def test_the_filters_own_categories_stand_in_the_warning(
    results: dict[str, object], names: str, text: str, streamed: bool
) -> None:
    if streamed:
        lead = texts(text) if text else chunk({"role": "assistant"})
        result: ChatResult = chat(lead + chunk({}, "content_filter", choice={"content_filter_results": results}) + DONE)
    else:
        body = message(text, "content_filter")
        body["choices"][0]["content_filter_results"] = results
        result = chat(as_bytes(body), head=JSON_HEAD)
    (warning,) = result.warnings
    assert warning.endswith(f"content filter stopped the answer {names}")
    assert warning.startswith("no text: ") is (not text)


def test_geminis_own_word_behind_the_colon_is_a_category() -> None:
    result = chat(texts("Half") + chunk({}, "content_filter: SAFETY") + DONE)
    assert result.warnings == ("the provider's content filter stopped the answer (SAFETY)",)
