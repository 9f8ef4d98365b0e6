#include "auth/sigv4.hpp"

#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "auth/digest.hpp"

using namespace keywheel;
using namespace keywheel::detail;

namespace {

constexpr AwsCredential kCredential{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {}};

WallTime at(int year, unsigned month, unsigned day, int hour, int minute, int second) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) + hours(hour) +
         minutes(minute) + seconds(second);
}

std::string header(const HttpRequest& request, std::string_view name) {
  for (const HttpHeader& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

std::string canonical(HttpRequest request, bool normalize = true) {
  std::string names;
  return aws_canonical_request(request, {"us-east-1", "service", normalize}, names);
}

std::string canonical_path(std::string_view path, bool normalize = true) {
  const std::string text = canonical({.method = "GET", .url = "https://host" + std::string(path)}, normalize);
  return text.substr(4, text.find('\n', 4) - 4);
}

std::string canonical_query(std::string_view query) {
  const std::string text = canonical({.method = "GET", .url = "https://host/?" + std::string(query)});
  return text.substr(6, text.find('\n', 6) - 6);
}

}  // namespace

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html had this request as its
// example for years.
TEST_CASE("the request of AWS's own guide gets the guide's signature", "[sigv4]") {
  HttpRequest request{.method = "GET",
                      .url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                      .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}};
  const AwsScope scope{"us-east-1", "iam"};
  sign_aws(request, kCredential, scope, at(2015, 8, 30, 12, 36, 0));
  CHECK(header(request, "X-Amz-Date") == "20150830T123600Z");
  CHECK(header(request, "Authorization") ==
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
  std::erase_if(request.headers, [](const HttpHeader& h) { return h.name == "Authorization"; });
  std::string names;
  CHECK(sha256_hex(aws_canonical_request(request, scope, names)) ==
        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
  CHECK(names == "content-type;host;x-amz-date");
}

TEST_CASE("a model's id is encoded once on the wire and twice in the signature", "[sigv4]") {
  CHECK(percent_encode("anthropic.claude-3-haiku-20240307-v1:0") == "anthropic.claude-3-haiku-20240307-v1%3A0");
  CHECK(percent_encode("arn:aws:bedrock:us-east-1:1:inference-profile/x") ==
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx");
  CHECK(percent_encode("a~b_c-d.e f\xff") == "a~b_c-d.e%20f%FF");
  CHECK(canonical_path("/model/x-v1%3A0/converse") == "/model/x-v1%253A0/converse");
}

TEST_CASE("paths are resolved before they are signed, except for S3", "[sigv4]") {
  CHECK(canonical_path("") == "/");
  CHECK(canonical_path("/") == "/");
  CHECK(canonical_path("//") == "/");
  CHECK(canonical_path("/a//b/") == "/a/b/");
  CHECK(canonical_path("/a/./b") == "/a/b");
  CHECK(canonical_path("/a/..") == "/");
  CHECK(canonical_path("/a/b/../..") == "/");
  CHECK(canonical_path("/../../a") == "/a");
  CHECK(canonical_path("/a b/\xe1\x88\xb4") == "/a%20b/%E1%88%B4");
  CHECK(canonical_path("/a/./b", false) == "/a/./b");
  CHECK(canonical_path("//a//", false) == "//a//");
}

TEST_CASE("queries are sorted by their encoded names and values", "[sigv4]") {
  CHECK(canonical_query("b=2&a=1") == "a=1&b=2");
  CHECK(canonical_query("a=2&a=1&a") == "a=&a=1&a=2");
  CHECK(canonical_query("a=x%20y&b=%2f") == "a=x%20y&b=%2F");
  CHECK(canonical_query("\xe1\x88\xb4=x&a=b=c") == "%E1%88%B4=x&a=b%3Dc");
  CHECK(canonical_query("&&a=%zz&") == "a=%25zz");
  CHECK(canonical_query("") == "");
}

TEST_CASE("headers are folded, joined and sorted; Host is that of the wire", "[sigv4]") {
  CHECK(canonical({.method = "POST",
                   .url = "https://host:443/",
                   .headers = {{"X-B", "  one \n  two  "}, {"x-a", "1"}, {"X-b", "three"}},
                   .body = ""}) ==
        "POST\n/\n\nhost:host\nx-a:1\nx-b:one two,three\n\nhost;x-a;x-b\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(canonical({.method = "GET", .url = "http://127.0.0.1:8080/x"}).find("\nhost:127.0.0.1:8080\n") !=
        std::string::npos);
  CHECK(canonical({.method = "GET", .url = "http://h:80?q"}).find("\nhost:h\n") != std::string::npos);
  CHECK(canonical({.method = "GET", .url = "https://h/", .headers = {{"Host", "other"}}}).find("\nhost:other\n") !=
        std::string::npos);
}

TEST_CASE("a session token is sent and signed", "[sigv4]") {
  HttpRequest request{.method = "POST", .url = "https://host/"};
  sign_aws(request, {"AKID", "secret", "the-token"}, {"eu-west-1", "bedrock"}, at(2026, 1, 5, 2, 3, 4));
  CHECK(header(request, "X-Amz-Security-Token") == "the-token");
  CHECK(header(request, "X-Amz-Date") == "20260105T020304Z");
  CHECK(header(request, "Authorization").find("SignedHeaders=host;x-amz-date;x-amz-security-token,") !=
        std::string::npos);
  CHECK(header(request, "Authorization").find("secret") == std::string::npos);
}

TEST_CASE("everything that is signed changes the signature", "[sigv4]") {
  const auto signature = [](HttpRequest request, AwsCredential credential, AwsScope scope, WallTime now) {
    sign_aws(request, credential, scope, now);
    const std::string value = header(request, "Authorization");
    return value.substr(value.find("Signature="));
  };
  const HttpRequest request{.method = "POST", .url = "https://host/a", .body = "x"};
  const AwsScope scope{"us-east-1", "bedrock"};
  const WallTime now = at(2026, 1, 1, 0, 0, 0);
  const std::string one = signature(request, kCredential, scope, now);
  CHECK(signature(request, kCredential, scope, now) == one);
  HttpRequest other = request;
  other.body = "y";
  CHECK(signature(other, kCredential, scope, now) != one);
  other = request;
  other.url = "https://host/b";
  CHECK(signature(other, kCredential, scope, now) != one);
  CHECK(signature(request, {"AKIDEXAMPLE", "other", {}}, scope, now) != one);
  CHECK(signature(request, kCredential, {"us-west-1", "bedrock"}, now) != one);
  CHECK(signature(request, kCredential, {"us-east-1", "s3"}, now) != one);
  CHECK(signature(request, kCredential, scope, now + std::chrono::seconds(1)) != one);
}
