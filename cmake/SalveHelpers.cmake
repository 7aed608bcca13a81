# SPDX-License-Identifier: Apache-2.0
# The only two ways to add code to the build, so that flags, warnings and tests are the same everywhere.

find_program(SALVE_CCACHE ccache)
find_program(SALVE_MOLD mold)
if(SALVE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SALVE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SALVE_CCACHE})
endif()
if(SALVE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

option(SALVE_TESTS "Build the tests" ON)
option(SALVE_PCH "Use precompiled headers for the heavy standard and JSON headers" OFF)
option(SALVE_FUZZ "Build the fuzzers (needs clang)" OFF)
set(SALVE_SANITIZE "" CACHE STRING "Comma-separated sanitizers, e.g. address,undefined or thread")

set(SALVE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND SALVE_WARNINGS -Wthread-safety)
else()
  # GCC 12 reports false overflows and dangling reads inside inlined libstdc++ strings at -O2.
  list(APPEND SALVE_WARNINGS -Wno-restrict -Wno-error=stringop-overflow -Wno-error=array-bounds
                             -Wno-error=maybe-uninitialized -Wno-error=stringop-overread)
endif()
if(SALVE_SANITIZE)
  add_compile_options(-fsanitize=${SALVE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SALVE_SANITIZE})
  if(SALVE_SANITIZE MATCHES thread AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Boost.Asio's fences: GCC's thread sanitizer does not know them and says so as a warning.
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-tsan>)
  endif()
endif()

function(_salve_target_defaults target)
  target_compile_options(${target} PRIVATE ${SALVE_WARNINGS})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# Worth its own compilation only where several files use it: rooms, not test programs.
function(_salve_precompile target sources)
  list(LENGTH sources count)
  if(SALVE_PCH AND count GREATER 5)
    target_precompile_headers(${target} PRIVATE
      <algorithm> <functional> <map> <memory> <optional> <string> <string_view> <vector>
      <nlohmann/json.hpp>)
  endif()
endfunction()

# salve_library(NAME room SRCS a.cc … DEPS other_room … PRIVATE_DEPS third_party …)
# Makes static library salve_<room> with the alias salve::<room>.
function(salve_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(salve_${ARG_NAME} STATIC ${ARG_SRCS})
  add_library(salve::${ARG_NAME} ALIAS salve_${ARG_NAME})
  target_link_libraries(salve_${ARG_NAME} PUBLIC ${ARG_DEPS} nlohmann_json::nlohmann_json
                        PRIVATE ${ARG_PRIVATE_DEPS})
  _salve_target_defaults(salve_${ARG_NAME})
  _salve_precompile(salve_${ARG_NAME} "${ARG_SRCS}")
endfunction()

# salve_test(NAME x_test SRCS x_test.cc DEPS salve::x [SUITE unit] [TIMEOUT 60])
# One process per test program; SUITE becomes a ctest label.
function(salve_test)
  if(NOT SALVE_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "NAME;SUITE;TIMEOUT" "SRCS;DEPS" ${ARGN})
  if(NOT ARG_SUITE)
    set(ARG_SUITE unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600) # only what hangs gets so far
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  _salve_target_defaults(${ARG_NAME})
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS ${ARG_SUITE} TIMEOUT ${ARG_TIMEOUT})
endfunction()
