#include <catch2/catch_test_macros.hpp>

#include "http/headers.hpp"
#include "http/proxy.hpp"
#include "http/timers.hpp"
#include "http/url.hpp"

using namespace keywheel;          // NOLINT(google-build-using-namespace)
using namespace keywheel::detail;  // NOLINT(google-build-using-namespace)

namespace {

Origin origin_of(const std::string& url) {
  const auto read = read_url(url);
  REQUIRE(std::holds_alternative<Origin>(read));
  return std::get<Origin>(read);
}

Proxy proxy_of(const char* url) {
  auto read = read_proxy(Secret(url));
  REQUIRE(std::holds_alternative<Proxy>(read));
  return std::get<Proxy>(std::move(read));
}

TimePoint at(int milliseconds) { return TimePoint(std::chrono::milliseconds(milliseconds)); }

}  // namespace

TEST_CASE("an origin is what libcurl will connect to", "[http]") {
  Origin origin = origin_of("https://API.Example.com/v1?x=1#y");
  CHECK(origin.https);
  CHECK(origin.host == "api.example.com");
  CHECK(origin.port == 443);
  CHECK(origin.authority() == "api.example.com:443");
  CHECK_FALSE(origin.user_info);

  origin = origin_of("http://user:pw@[::1]:8080/");
  CHECK_FALSE(origin.https);
  CHECK(origin.user_info);
  CHECK(origin.host == "::1");
  CHECK(origin.authority() == "[::1]:8080");
  CHECK(origin_of("http://0x7f.1/").host == "127.0.0.1");
  CHECK(origin_of("http://127.0.0.1@evil.test/").host == "evil.test");
}

TEST_CASE("what is no http URL is told apart", "[http]") {
  for (const std::string url : {"", "x", "https://", "ftp://a/", "https://[::1/", "https://a:99999/", "https://a b/"}) {
    INFO(url);
    CHECK(std::holds_alternative<std::string>(read_url(url)));
  }
  CHECK(std::holds_alternative<std::string>(read_url(std::string("https://a\0b/", 12))));
  CHECK(std::get<std::string>(read_url("https://u:topsecret@a:x/")).find("topsecret") == std::string::npos);
}

TEST_CASE("loopback is this host and nothing that looks like it", "[http]") {
  for (const char* host : {"localhost", "127.0.0.1", "127.255.0.9", "::1"}) CHECK(is_loopback(host));
  for (const char* host : {"localhost.evil.test", "127.0.0.1.evil.test", "128.0.0.1", "::2", "0.0.0.0", "",
                           "127.1.evil", "notlocalhost", "::ffff:127.0.0.1"})
    CHECK_FALSE(is_loopback(host));
  CHECK(needs_no_lookup("a.localhost"));
  CHECK(needs_no_lookup("192.0.2.1"));
  CHECK_FALSE(needs_no_lookup("example.com"));
}

TEST_CASE("a proxy's URL is taken apart, its password apart from what is printed", "[http]") {
  Proxy proxy = proxy_of("http://us%40er:p%3Aw@Proxy.test:3128/");
  CHECK(proxy.url == "http://Proxy.test:3128");
  CHECK(proxy.host == "proxy.test");
  CHECK(proxy.port == 3128);
  CHECK(proxy.user.reveal() == "us@er");
  CHECK(proxy.password.reveal() == "p:w");
  CHECK_FALSE(proxy.names_here);
  CHECK(proxy_of("proxy.test").url == "http://proxy.test:1080");
  CHECK(proxy_of("https://proxy.test").port == 443);
  CHECK(proxy_of("socks5://[::1]:1").url == "socks5://[::1]:1");
  CHECK(proxy_of("socks5://[::1]:1").host == "::1");
  CHECK(proxy_of("socks5://a").names_here);
  CHECK_FALSE(proxy_of("socks5h://a").names_here);
  for (const char* url :
       {"ftp://u:topsecret@a", "http://u:topsecret@:1", "socks4://u:topsecret@a", "http://u:topsecret@a:x"}) {
    const auto read = read_proxy(Secret(url));
    REQUIRE(std::holds_alternative<std::string>(read));
    CHECK(std::get<std::string>(read).find("topsecret") == std::string::npos);
  }
}

TEST_CASE("NO_PROXY is matched as its users expect", "[http]") {
  const Origin api{.https = true, .host = "api.example.com", .port = 443};
  const Origin address{.host = "10.1.2.3", .port = 8080};
  const Origin six{.host = "::1", .port = 80};
  for (const char* list : {"*", "api.example.com", "example.com", ".example.com", "*.example.com", "API.EXAMPLE.COM",
                           "a.test, example.com", "a.test example.com", "example.com:443", "example.com."})
    CHECK(bypasses(list, api));
  for (const char* list :
       {"", ",", "ple.com", "xample.com", "example.com:444", "www.api.example.com", ".", "api", "example.com:x"}) {
    INFO(list);
    CHECK_FALSE(bypasses(list, api));
  }
  CHECK(bypasses("10.1.2.3", address));
  CHECK(bypasses("10.1.2.3:8080", address));
  CHECK_FALSE(bypasses("2.3", address));
  CHECK_FALSE(bypasses("10.1.2.3:80", address));
  CHECK(bypasses("::1", six));
  CHECK(bypasses("[::1]:80", six));
  CHECK_FALSE(bypasses("[::1]:81", six));
}

TEST_CASE("the environment's proxies count only where the config says so", "[http]") {
  const EnvironmentProxies environment{.http = "http://plain", .https = "http://tls", .no_proxy = "direct.test"};
  const Origin tls{.https = true, .host = "a.test", .port = 443};
  const Origin plain{.host = "a.test", .port = 80};
  const Origin direct{.host = "direct.test", .port = 80};
  CHECK(choose_proxy({}, environment, tls) == nullptr);
  CHECK(choose_proxy({.from_environment = true}, environment, tls)->reveal() == "http://tls");
  CHECK(choose_proxy({.from_environment = true}, environment, plain)->reveal() == "http://plain");
  CHECK(choose_proxy({.from_environment = true}, environment, direct) == nullptr);
  CHECK(choose_proxy({.no_proxy = "a.test", .from_environment = true}, environment, tls) == nullptr);
  const ProxyConfig own{.url = "http://own", .from_environment = true};
  CHECK(choose_proxy(own, environment, direct)->reveal() == "http://own");
  CHECK(choose_proxy({.from_environment = true}, {}, tls) == nullptr);
}

TEST_CASE("headers that authenticate are known by their names", "[http]") {
  for (const char* name : {"Authorization", "PROXY-AUTHORIZATION", "x-api-key", "Api-Key", "x-goog-api-key", "Cookie",
                           "X-Amz-Security-Token", "X-Client-Secret"})
    CHECK(is_secret_header(name));
  for (const char* name : {"Content-Type", "Accept", "User-Agent", "X-Request-Id", "OpenAI-Organization"})
    CHECK_FALSE(is_secret_header(name));
}

TEST_CASE("a header list is as libcurl spells it, and wipes what it took", "[http]") {
  std::vector<HttpHeader> headers = {{"A", "b"}, {"Empty", ""}, {"Expect", "100-continue"}, {"content-type", "x"}};
  HeaderList list(std::move(headers));
  std::vector<std::string> lines;
  for (const curl_slist* node = list.get(); node != nullptr; node = node->next) lines.emplace_back(node->data);
  CHECK(lines == std::vector<std::string>{"A: b", "Empty;", "content-type: x", "Expect:"});
  const char* memory = list.get()->data;
  CHECK(std::string_view(memory) == "A: b");
  list.clear();
  CHECK(list.get() == nullptr);
  CHECK(memory[0] == '\0');
  CHECK(memory[3] == '\0');
}

TEST_CASE("a head is read line by line, whatever the server writes", "[http]") {
  using Line = HeadReader::Line;
  HeadReader reader;
  CHECK(reader.line("HTTP/1.1 103 Early\r\n") == Line::more);
  CHECK(reader.line("Link: a\r\n") == Line::more);
  CHECK(reader.line("\r\n") == Line::interim);
  CHECK_FALSE(reader.begun());
  CHECK(reader.line("HTTP/2 429 \r\n") == Line::more);
  CHECK(reader.http2());
  CHECK(reader.line("Retry-After:  3 \r\n") == Line::more);
  CHECK(reader.line(" folded\r\n") == Line::more);
  CHECK(reader.line("no colon\r\n") == Line::more);
  CHECK(reader.line(":\r\n") == Line::more);
  CHECK(reader.line("\r\n") == Line::final);
  const HttpHead head = reader.take();
  CHECK(head.status == 429);
  CHECK(head.find("retry-after") == "3 folded");
}

TEST_CASE("timers run by time, then by order of adding, and what is cancelled does not run", "[http]") {
  Timers timers;
  std::vector<int> ran;
  const auto note = [&](int number) { return [&ran, number] { ran.push_back(number); }; };
  std::vector<TimerId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(timers.add(at((i * 7919) % 1000), note((i * 7919) % 1000)));
  for (std::size_t i = 0; i < 1000; i += 3) timers.cancel(ids[i]);
  timers.run_due(at(499));
  CHECK(std::is_sorted(ran.begin(), ran.end()));
  CHECK(ran.back() <= 499);
  CHECK(timers.next() > at(499));
  timers.run_due(at(2000));
  CHECK(ran.size() == 666);
  CHECK(std::is_sorted(ran.begin(), ran.end()));
  CHECK(timers.empty());
  for (const TimerId id : ids) timers.cancel(id);  // long gone

  ran.clear();
  for (int i = 0; i < 5; ++i) (void)timers.add(at(1), note(i));
  timers.run_due(at(1));
  CHECK(ran == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("a timer may cancel others and set new ones, which wait for the next turn", "[http]") {
  Timers timers;
  int ran = 0;
  TimerId second = 0;
  (void)timers.add(at(1), [&] {
    ++ran;
    timers.cancel(second);
    (void)timers.add(at(0), [&] { ran += 10; });
  });
  second = timers.add(at(2), [&] { ran += 100; });
  timers.run_due(at(5));
  CHECK(ran == 1);
  timers.run_due(at(5));
  CHECK(ran == 11);
  CHECK_FALSE(timers.next());
}
