# SPDX-License-Identifier: Apache-2.0
# Compiler settings of the whole tree: language, warnings, sanitizers, hardening.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

# assert() stays in every build: a broken invariant ends the daemon and the supervisor restarts it.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()

option(STOA_WERROR "warnings are errors" OFF)
set(STOA_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize=")

add_compile_definitions(_GNU_SOURCE STOA_VERSION="${PROJECT_VERSION}")

add_library(stoa_warnings INTERFACE)
target_compile_options(stoa_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
  $<$<BOOL:${STOA_WERROR}>:-Werror>)

if(STOA_SANITIZE)
  add_compile_options(-fsanitize=${STOA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${STOA_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

# Without this the libraries carry no coverage counters and a fuzz target sees only its own few lines.
if(STOA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
