#include <chrono>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "auth/sigv4.hpp"
#include "auth/spark_url.hpp"
#include "auth/tc3.hpp"
#include "auth/volc_v4.hpp"

/// The signatures that the vendors' own pages and programs give for their examples.

using namespace keywheel;
using namespace keywheel::detail;

namespace {

WallTime seconds_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

constexpr std::int64_t k20260115T123456Z = 1'768'480'496;

std::string header(const HttpRequest& request, std::string_view name) {
  return std::string(HttpHead{.headers = request.headers}.find(name));
}

}  // namespace

// https://cloud.tencent.com/document/api/1729/101843 and its older edition
TEST_CASE("TC3: Tencent's documented requests get the documented signatures", "[tc3]") {
  constexpr std::string_view kId = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
  constexpr std::string_view kKey = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE";
  Tc3Request request{
      .host = "cvm.tencentcloudapi.com",
      .content_type = "application/json; charset=utf-8",
      .body = R"({"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]})",
      .service = "cvm",
      .now = seconds_of(1'551'113'065)};
  CHECK(tc3_authorization(request, kId, kKey) ==
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168");
  request = {.method = "GET",
             .host = "cvm.tencentcloudapi.com",
             .query = "Limit=10&Offset=0",
             .content_type = "application/x-www-form-urlencoded",
             .service = "cvm",
             .now = seconds_of(1'539'084'154)};
  CHECK(tc3_authorization(request, kId, kKey)
            .ends_with("Signature=5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474"));
}

// What Volcengine's own demonstration of its signature (volc-openapi-demos, sign.py) gives.
TEST_CASE("Volc V4: signs as the vendor's own program does", "[volc]") {
  const VolcRequest request{.host = "iam.volcengineapi.com",
                            .query = {{"Action", "ListUsers"}, {"Version", "2018-01-01"}, {"Limit", "10"}},
                            .content_type = "application/x-www-form-urlencoded",
                            .body = "UnUseParam=ASDF",
                            .region = "cn-north-1",
                            .service = "iam",
                            .now = seconds_of(k20260115T123456Z)};
  const VolcSignature signature = volc_sign(request, "AKEXAMPLE", "SKEXAMPLE==");
  CHECK(signature.date == "20260115T123456Z");
  CHECK(signature.content_sha256 == "14cfdfbefdfeafacfb9165a2286d460934107f750f25dad54e8e750259628f0f");
  CHECK(signature.query == "Action=ListUsers&Limit=10&Version=2018-01-01");
  CHECK(signature.authorization ==
        "HMAC-SHA256 Credential=AKEXAMPLE/20260115/cn-north-1/iam/request, "
        "SignedHeaders=content-type;host;x-content-sha256;x-date, "
        "Signature=d46ef9cd0af2c4d1a9e1f0effc9c1f99b0b22a399c503d01a8e9fcfec5d2fd9a");
}

// https://www.xfyun.cn/doc/spark/general_url_authentication.html
TEST_CASE("Spark: the documented URL comes out", "[spark]") {
  const std::string query = spark_url_query("spark-api.xf-yun.com", "/v1.1/chat", seconds_of(1'683'283'419),
                                            "addd2272b6d8b7c8abdd79531420ca3b", "MjlmNzkzNmZkMDQ2OTc0ZDdmNGE2ZTZi");
  CHECK(
      query.find("YXBpX2tleT0iYWRkZDIyNzJiNmQ4YjdjOGFiZGQ3OTUzMTQyMGNhM2IiLCBhbGdvcml0aG09ImhtYWMtc2hhMjU2IiwgaGVhZGVy"
                 "cz0iaG9zdCBkYXRlIHJlcXVlc3QtbGluZSIsIHNpZ25hdHVyZT0iejVnSGR1M3B4VlY0QURNeWs0Njd3T1dEUTlxNkJRelIzbmZN"
                 "VGpjL0RhUT0i") != std::string::npos);
  CHECK(query.find("host=spark-api.xf-yun.com") != std::string::npos);
}

// What AWS's own SDK (botocore) signs for Bedrock.
TEST_CASE("SigV4: Bedrock's requests are signed as AWS's own SDK signs them", "[sigv4]") {
  constexpr std::string_view kBody =
      R"({"messages": [{"role": "user", "content": [{"text": "Hello, 世界"}]}], "inferenceConfig": {"maxTokens": 64}})";
  constexpr AwsCredential kKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {}};
  HttpRequest request{
      .url =
          "https://bedrock-runtime.us-west-2.amazonaws.com/model/us.anthropic.claude-3-5-sonnet-20241022-v2%3A0/"
          "converse-stream",
      .headers = {{"Content-Type", "application/json"}, {"Accept", "application/vnd.amazon.eventstream"}},
      .body = std::string(kBody)};
  sign_aws(request, kKey, {"us-west-2", "bedrock"}, seconds_of(k20260115T123456Z));
  CHECK(header(request, "Authorization") ==
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260115/us-west-2/bedrock/aws4_request, "
        "SignedHeaders=accept;content-type;host;x-amz-date, "
        "Signature=487db1e5a74c9b8d4bbc3a9ad2e67e8e07dfe3578f3807057311488b3cbf7d21");
  request = {.url =
                 "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012"
                 "%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-20250514-v1%3A0/converse",
             .headers = {{"Content-Type", "application/json"}},
             .body = std::string(kBody)};
  sign_aws(request, kKey, {"us-east-1", "bedrock"}, seconds_of(k20260115T123456Z));
  CHECK(header(request, "Authorization")
            .ends_with("Signature=ce12338312578597dbd9f6f9534397462753f32f39d93c8aedf0a3aa628d3103"));
}
