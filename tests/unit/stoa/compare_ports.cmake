# SPDX-License-Identifier: Apache-2.0
# Fails when docs/ports.md does not have the table of deploy/ports: -DSTOA=program -DDOC=docs/ports.md
execute_process(COMMAND ${STOA} ports --markdown OUTPUT_VARIABLE table RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "stoa ports --markdown ended with ${code}")
endif()
file(READ ${DOC} text)
string(FIND "${text}" "${table}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${DOC} does not match deploy/ports. Put the output of 'stoa ports --markdown' into it:\n${table}")
endif()
