#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Includes only go down:
#
#   tools, tests/examples, tests/bench ▶ seqcast.h
#   src/handle ▶ src/layout | src/platform (neither knows the other) ▶ seqcast/ring.h
#   ring_parts.h ▶ ring.h ▶ seqlock.h ▶ copy.h ▶ copy_kernels.h      src/platform knows not even these
#   foreign.h ▶ copy.h
. tests/support/tap.sh

# Prints each include that goes up or sideways. Below a file's name stand the includes it may have,
# as a pattern; <system.h> is free where nothing else is said.
upward_includes() {
        find include src tools tests/examples tests/bench -name '*.[ch]' 2>/dev/null | sort | xargs grep -nE '^ *# *include' |
                sed -E 's/^([^:]*):([0-9]+): *# *include *([<"])([^>"]*).*/\1 \2 \3 \4/' |
                awk '
        function allowed(file) {
                if (file == "include/seqcast.h")             return "^seqcast/(types|schema_of)\\.h$"
                if (file ~ /^include\/seqcast\/types/)       return "^$"
                if (file ~ /^include\/seqcast\/schema_of/)   return "^seqcast\\.h$|^seqcast/types\\.h$"
                if (file ~ /^include\/seqcast\/copy_/)       return "^$"
                if (file ~ /^include\/seqcast\/copy\.h/)     return "^seqcast/copy_kernels\\.h$"
                if (file ~ /^include\/seqcast\/foreign\.h/)  return "^seqcast/(types|copy)\\.h$"
                if (file ~ /^include\/seqcast\/seqlock\.h/)  return "^seqcast/(types|copy)\\.h$"
                if (file ~ /^include\/seqcast\/ring\.h/)     return "^seqcast/(types|copy|seqlock)\\.h$"
                if (file ~ /^include\/seqcast\/ring_/)       return "^seqcast/(types|copy|seqlock|ring)\\.h$"
                if (file ~ /^include\//)                     return "^$"
                if (file ~ /^src\/error\./)                  return "^error\\.h$|^seqcast\\.h$"
                if (file ~ /^src\/platform\//)               return "^platform/|^error\\.h$|^seqcast\\.h$"
                if (file ~ /^src\/layout\//)                 return "^layout/|^error\\.h$|^seqcast(\\.h$|/)"
                if (file ~ /^src\/handle\//)                 return "^(handle|layout|platform)/|^error\\.h$|^seqcast(\\.h$|/)"
                if (file ~ /^src\//)                         return "^(handle|layout|platform)/|^error\\.h$|^seqcast(\\.h$|/)"
                if (file ~ /^tools\/common\//)               return "^common/|^seqcast\\.h$"
                if (file ~ /^tools\//)                       return "^(common|bench)/|^seqcast\\.h$"
                if (file ~ /^tests\/bench\/peers\//)        return "^(bench|common)/|^seqcast(\\.h$|/)"
                return "^seqcast(\\.h$|/)"
        }
        {
                file = $1; what = $4; folder = file
                sub(/^tools\//, "", folder); sub(/^src\//, "", folder); sub(/[^\/]*$/, "", folder)
                if (what ~ /\.\./) { print file ":" $2 ": include by full name, not through ..: " what; next }
                if ($3 == "<" && what !~ /^(seqcast|platform|layout|handle|common)/) {
                        if (file ~ /^(src|include)\// && what ~ /json|criterion|urcu/ && file !~ /_urcu\.c$/)
                                print file ":" $2 ": the library needs libc only: <" what ">"
                        next
                }
                if (file ~ /^tests\// && what !~ /\//)
                        next                    # its own helper, or seqcast.h
                if (what !~ /\// && what != "seqcast.h" && what != "error.h")
                        what = folder what
                if (what !~ allowed(file))
                        print file ":" $2 ": may not include " what
        }'
}

quiet "includes only go down" upward_includes
planted "an algorithm that includes the layer above it" \
        'echo "#include \"seqcast/ring.h\"" >>include/seqcast/seqlock.h' upward_includes
planted "a foreign seqlock that is taken for a ring" \
        'echo "#include \"seqcast/seqlock.h\"" >>include/seqcast/foreign.h' upward_includes
planted "a public header with atomics in it" 'echo "#include \"seqcast/copy.h\"" >>include/seqcast.h' upward_includes
planted "a platform that knows records" 'echo "#include \"seqcast/ring.h\"" >src/platform/planted.c' upward_includes
planted "a platform that knows the layout" 'echo "#include <layout/schema.h>" >src/platform/planted.c' upward_includes
planted "a layout that knows the platform" 'echo "#include \"platform/shm.h\"" >src/layout/planted.c' upward_includes
planted "a layout that knows handles" 'echo "#include \"../handle/segment.h\"" >src/layout/planted.c' upward_includes
planted "a library that needs json-c" 'echo "#include <json-c/json.h>" >src/handle/planted.c' upward_includes
planted "a tool that uses the inside" 'echo "#include \"seqcast/ring.h\"" >tools/planted.c' upward_includes
planted "an example that uses the inside" 'echo "#include \"handle/segment.h\"" >tests/examples/planted.c' upward_includes
finish
