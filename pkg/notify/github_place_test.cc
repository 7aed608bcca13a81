// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_place.h"

#include <gtest/gtest.h>

namespace salve::notify {
namespace {

struct PlaceCase {
  const char* sentence;
  std::vector<std::string> lines;
  std::string want;  // "file:line", "" for none
};

TEST(FindSourcePlace, FindsTheInnermostPlaceOfTheProgramsOwnCode) {
  const PlaceCase cases[] = {
      {"Python: the last frame",
       {"Traceback (most recent call last):", R"(  File "app/main.py", line 12, in <module>)",
        R"(  File "app/cart.py", line 42, in total)", "KeyError: 'price'"},
       "app/cart.py:42"},
      {"Python: a library's frame is not it",
       {R"(File "/srv/app.py", line 7, in f File "/usr/lib/python3.11/json/decoder.py", line 355)"},
       "/srv/app.py:7"},
      {"Python: within quotes",
       {R"(log line "File \"app/cart.py\", line 42, in total")"},
       "app/cart.py:42"},
      {"Node: the first frame",
       {"TypeError: x is undefined", "    at total (/srv/cart.js:10:15)",
        "    at Object.<anonymous> (/srv/index.js:3:1)"},
       "/srv/cart.js:10"},
      {"Node: a module's frame is not it",
       {"at next (/srv/node_modules/express/lib/router.js:5:1) at main (/srv/app.mjs:3:1)"},
       "/srv/app.mjs:3"},
      {"Node: a file's URL", {"at file:///srv/app.mjs:9:1"}, "/srv/app.mjs:9"},
      {"Node: the run time's own are none", {"at node:internal/main/run_main_module:28:49"}, ""},
      {"Go: the first frame that is not the run time's",
       {"panic: runtime error", "goroutine 1 [running]:",
        "\t/usr/local/go/src/runtime/panic.go:884 +0x213", "\t/src/cmd/shop/main.go:42 +0x1d"},
       "/src/cmd/shop/main.go:42"},
      {"Java: the first frame that is not the JDK's",
       {"java.lang.NullPointerException",
        "at java.base/java.util.Objects.requireNonNull(Objects.java:233)",
        "at com.acme.shop.Cart.total(Cart.java:42)", "at com.acme.shop.Main.main(Main.java:7)"},
       "Cart.java:42"},
      {"Java: in one line",
       {"at java.util.ArrayList.get(ArrayList.java:459) at com.acme.Cart.total(Cart.java:42)"},
       "Cart.java:42"},
      {"C++: a sanitizer's frame", {"#0 0x55d in total() /src/cart.cc:42:7"}, "/src/cart.cc:42"},
      {"C++: a failed assertion",
       {"shop: src/cart.cpp:42: int total(): Assertion `n > 0' failed."},
       "src/cart.cpp:42"},
      {"a library, where there is nothing else",
       {"at f (/srv/node_modules/pg/client.js:132:1)"},
       "/srv/node_modules/pg/client.js:132"},
      {"no trace", {"exited with 137 at 2026-11-21T12:26:47Z", "redis:7 on 10.0.0.1:6379"}, ""},
      {"an address is no file", {"GET http://shop.example.go:80/x"}, ""},
      {"a path that leads out", {"../../etc/x.py:1"}, ""},
      {"a command in the place of a path", {R"(File "$(reboot).py", line 1)"}, ""},
      {"a line that is none", {"x.py:0", "x.py:99999999", "x.py:", ".py:3"}, ""},
      {"nothing", {}, ""},
  };
  for (const PlaceCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    const auto place = FindSourcePlace(c.lines);
    EXPECT_EQ(place ? place->file + ":" + std::to_string(place->line) : "", c.want);
  }
}

TEST(FindSourcePlace, IsNotHeldUpByALongLine) {
  const std::string colons(1u << 20, ':');
  EXPECT_FALSE(FindSourcePlace({colons, std::string(1u << 20, 'a') + ".py:3"}));
}

}  // namespace
}  // namespace salve::notify
