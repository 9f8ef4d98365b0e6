#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>

#include <keywheel/secret.hpp>

#include <catch2/catch_test_macros.hpp>

using keywheel::Secret;

namespace {

template <class T, class = void>
struct Printable : std::false_type {};
template <class T>
struct Printable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<T>())>> : std::true_type {};

}  // namespace

static_assert(!Printable<Secret>::value);

TEST_CASE("a secret keeps its characters and gives them only when asked", "[secret]") {
  const Secret empty;
  CHECK(empty.empty());
  CHECK(empty.reveal().empty());
  const Secret key = "sk-1";
  CHECK(key.size() == 4);
  CHECK(key.reveal() == "sk-1");
  CHECK(Secret(static_cast<const char*>(nullptr)).empty());
  CHECK(Secret(std::string("a\0b", 3)).size() == 3);
}

TEST_CASE("secrets are copied, moved and compared", "[secret]") {
  Secret a = "one";
  Secret b = a;
  CHECK(a == b);
  CHECK(b.reveal().data() != a.reveal().data());
  Secret c = std::move(a);
  CHECK(c.reveal() == "one");
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move): being empty is what is promised
  b = "two";
  CHECK(b.reveal() == "two");
  CHECK_FALSE(b == c);
  CHECK_FALSE(b == Secret());
  Secret& self = b;
  b = self;
  CHECK(b.reveal() == "two");
  b = std::move(self);
  CHECK(b.reveal() == "two");
  b = std::move(c);
  CHECK(b.reveal() == "one");
}

TEST_CASE("a secret from the environment remembers the variable", "[secret]") {
  const Secret none = keywheel::env("KEYWHEEL_TEST_NO_SUCH_VARIABLE");
  CHECK(none.empty());
  CHECK(none.origin() == "KEYWHEEL_TEST_NO_SUCH_VARIABLE");
  const Secret path = keywheel::env("PATH");
  CHECK(path.reveal() == std::string(std::getenv("PATH")));
  CHECK(Secret(path).origin() == "PATH");
}
