#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "wire/error_rows.hpp"

/// Providers in China whose codes are numbers.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

std::string zhipu(int code, std::string_view message = "x") {
  return fmt::format(R"({{"error":{{"code":"{}","message":"{}"}}}})", code, message);
}

std::string zhipu_error(int code) { return zhipu(code); }
std::string zhipu_event(int code) { return sse(zhipu(code)); }

std::string qianfan(int code) { return fmt::format(R"({{"error_code":{},"error_msg":"x","id":"as-1"}})", code); }

std::string qianfan_event(int code) { return sse(qianfan(code)); }

std::string minimax(int code) {
  return fmt::format(R"({{"choices":null,"base_resp":{{"status_code":{},"status_msg":"x"}}}})", code);
}

std::string minimax_event(int code) { return sse(minimax(code)); }

/// A frame of the WebSocket.
std::string spark(int code) {
  return fmt::format(R"({{"header":{{"code":{},"message":"x","sid":"s","status":2}}}})", code);
}

std::string spark_http(int code) {
  return fmt::format(R"({{"error":{{"message":"x","type":"api_error","param":null,"code":"{}"}}}})", code);
}

std::string coze(int code, std::string_view message = "x") {
  return fmt::format(R"({{"code":{},"msg":"{}"}})", code, message);
}

struct Codes {
  std::vector<int> codes;
  FailureClass failure;
  Scope scope;
};

/// Rows that differ only in their code.
void check_codes(std::string_view provider, int status, std::string (*body)(int), const std::vector<Codes>& all) {
  for (const Codes& row : all) {
    for (const int code : row.codes) check_rows({{provider, status, body(code), row.failure, row.scope}});
  }
}

}  // namespace

TEST_CASE("Zhipu's errors, whatever their status", "[errors][rows]") {
  using enum FailureClass;
  const std::vector<Codes> codes = {
      {{1000, 1001, 1002, 1004}, auth, Scope::key},
      {{1110, 1111, 1112, 1121}, auth, Scope::account},
      {{1113}, quota, Scope::account},
      {{1120, 1230, 1234, 500}, server, Scope::service_model},
      {{1210, 1212, 1213, 1214, 1215, 1231}, request, Scope::call},
      {{1211, 1221, 1222}, model, Scope::key_model},
      {{1220}, permission, Scope::key_model},
      {{1261}, context, Scope::call},
      {{1300, 1301}, filter, Scope::call},
      {{1302, 1303}, rate, Scope::account_model},
      {{1304, 1308, 1309, 1310, 1316, 1317, 1318, 1319, 1320, 1321}, quota, Scope::account},
      {{1305, 1312}, capacity, Scope::service_model},
      {{1311}, permission, Scope::account_model},
      {{1313}, rate, Scope::account},
      {{1003}, clock, Scope::host},
  };
  for (const int status : {401, 429, 400, 434, 500}) check_codes("zhipu", status, zhipu_error, codes);
  check_codes("zhipu", 200, zhipu_event, codes);
  check_rows({
      {"zhipu", 434, "", permission, Scope::key_model},
      {"zhipu", 200, openai_finish("network_error"), server, Scope::service_model},
      {"zhipu", 200, openai_finish("model_context_window_exceeded"), context, Scope::call},
  });
}

TEST_CASE("Zhipu names the end of a limit in Beijing's time, without saying so", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      // 20:30 there is half an hour from now.
      {"zhipu", 429, zhipu(1308, "已达到 5 小时的使用上限。您的限额将在 2026-11-23 20:30:00 重置。"), quota,
       Scope::account, 30min},
      {"zhipu", 429, zhipu(1308, "Usage limit reached for 5 hour. Your limit will reset at 2026-11-23 21:00:00"), quota,
       Scope::account, 1h},
      {"zhipu", 429, zhipu(1310, "您已达到每周使用上限，您的限额将在 2026-11-30 00:00:00 重置"), quota, Scope::account,
       6 * 24h + 4h},
      {"zhipu", 200, sse(zhipu(1308, "Your limit will reset at 2026-11-23 21:00:00")), quota, Scope::account, 1h},
      {"zhipu", 429, zhipu(1308, "Your limit will reset at 2026-11-23 12:30:00"), quota, Scope::account},
      {"zhipu", 429, zhipu(1308, "Your limit will reset at 2026-13-41 25:61:00"), quota, Scope::account},
      {"zhipu", 429, zhipu(1308, "Your limit will reset at"), quota, Scope::account},
      {"zhipu", 429, zhipu(1308, "重置"), quota, Scope::account},
  });
}

TEST_CASE("Qianfan's errors inside a 200", "[errors][rows]") {
  using enum FailureClass;
  const std::vector<Codes> codes = {
      {{1, 2}, server, Scope::service},
      {{336000}, server, Scope::service_model},
      {{3, 336001, 336002, 336003, 336006}, request, Scope::call},
      {{4, 336100, 15}, capacity, Scope::service_model},
      {{6, 336004}, permission, Scope::key_model},
      {{13, 14}, auth, Scope::key},
      {{17}, quota, Scope::account_model},
      {{18, 336501, 336502}, rate, Scope::account_model},
      {{19}, quota, Scope::account},
      {{100, 110, 111}, token, Scope::key},
      {{336103, 336007, 336104}, context, Scope::call},
  };
  check_codes("qianfan/v1", 200, qianfan, codes);
  check_codes("qianfan/v1", 400, qianfan, codes);
  check_codes("qianfan/v1", 200, qianfan_event, codes);
}

TEST_CASE("MiniMax's errors inside a 200", "[errors][rows]") {
  using enum FailureClass;
  const std::vector<Codes> codes = {
      {{1000, 1024, 1033}, server, Scope::service_model},
      {{1001}, timeout, Scope::service_model},
      {{1002, 1039}, rate, Scope::account_model},
      {{1004, 2049}, auth, Scope::key},
      {{1008, 1028, 1030, 2056}, quota, Scope::account},
      {{1041, 2045}, rate, Scope::account},
      {{2061}, permission, Scope::account_model},
      {{1026, 1027}, filter, Scope::call},
      {{1042, 2013}, request, Scope::call},
  };
  check_codes("minimax", 200, minimax, codes);
  check_codes("minimax", 200, minimax_event, codes);
  check_codes("minimax/pro", 200, minimax, codes);
  check_rows({
      {"minimax", 429, R"({"type":"error","error":{"type":"rate_limit_error","message":"rate limit exceeded"}})", rate,
       Scope::key},
      {"minimax", 401, R"({"type":"error","error":{"type":"authentication_error","message":"invalid api key"}})", auth,
       Scope::key},
  });
}

TEST_CASE("Spark's errors, over both of its ways", "[errors][rows]") {
  using enum FailureClass;
  const std::vector<Codes> codes = {
      {{10000, 10001, 10002, 10003, 10004, 10005, 10163}, request, Scope::call},
      {{10006, 10007, 11202, 11203}, rate, Scope::account},
      {{10008, 10110}, capacity, Scope::service_model},
      {{10009, 10010, 10011, 10012, 10222}, server, Scope::service_model},
      {{10013, 10014, 10019}, filter, Scope::call},
      {{10015}, auth, Scope::account},
      {{10016, 11200, 11201}, quota, Scope::account_model},
      {{10907}, context, Scope::call},
      {{11500}, auth, Scope::key},
  };
  check_codes("xinghuo/ws", 200, spark, codes);
  for (const int status : {400, 401, 403, 429, 500}) check_codes("xinghuo", status, spark_http, codes);
  check_rows({
      {"xinghuo", 401, R"({"message":"HMAC signature does not match"})", auth, Scope::key},
      {"xinghuo", 403, R"({"error":{"message":"该appid并发超过授权","code":"10016"}})", rate, Scope::account_model},
      {"xinghuo", 403, R"({"error":{"message":"appid没有开通相关功能","code":"10016"}})", permission,
       Scope::account_model},
      {"xinghuo", 403, R"({"error":{"message":"token已用完","code":"10016"}})", quota, Scope::account_model},
      {"xinghuo", 403,
       R"({"message":"HMAC signature cannot be verified, a valid date or x-date header is required for HMAC )"
       R"(Authentication"})",
       clock, Scope::host},
      {"xinghuo", 403, R"({"message":"date is more than 300s off"})", clock, Scope::host},
      // Its words are "authorisation error"; the key is well.
      {"xinghuo", 429, R"({"error":{"message":"授权错误：该 appId 的每秒交互次数超过限制","code":"11202"}})", rate,
       Scope::account},
  });
}

TEST_CASE("Coze's errors", "[errors][rows]") {
  using enum FailureClass;
  const std::vector<Codes> codes = {
      {{4100, 700012006}, auth, Scope::key},
      {{4101}, permission, Scope::key},
      {{4008}, quota, Scope::key_model},
      {{4009}, capacity, Scope::service_model},
      {{4010}, context, Scope::call},
      {{4011, 4019, 4022}, quota, Scope::account},
      {{4012, 4200}, model, Scope::key_model},
      {{4013, 5000}, server, Scope::service_model},
      {{4016}, rate, Scope::call},
      {{4020}, rate, Scope::account},
      {{4102}, place, Scope::host},
      {{4014, 4105}, filter, Scope::call},
      {{4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007}, request, Scope::call},
  };
  const auto body = [](int code) { return coze(code); };
  const auto chat = [](int code) {
    return sse(fmt::format(R"({{"id":"1","status":"failed","last_error":{}}})", coze(code)),
               "conversation.chat.failed");
  };
  check_codes("coze", 200, body, codes);
  check_codes("coze", 401, body, codes);
  check_codes("coze", 200, chat, codes);
  check_rows({
      {"coze", 401, coze(4101, "The token you entered is incorrect. Please check the token."), auth, Scope::key},
  });
}
