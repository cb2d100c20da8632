/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* SEQCAST_SCHEMA(type, members ...): the compiler writes the schema. C11 by _Generic, C++11 by
 * templates. Included by seqcast.h; knows nothing but its types. */

#ifndef SEQCAST_SCHEMA_OF_H
#define SEQCAST_SCHEMA_OF_H

#ifdef __cplusplus

#include <type_traits>

namespace seqcast_schema_of
{
template <class Element, bool is_enum = std::is_enum<Element>::value> struct plain {
        typedef Element type;
};
template <class Element> struct plain<Element, true> {
        typedef typename std::underlying_type<Element>::type type;
};

template <class Integer> constexpr uint32_t integer_type()
{
        return (std::is_signed<Integer>::value ? SEQCAST_I8 : SEQCAST_U8) + (sizeof(Integer) == 1   ? 0
                                                                             : sizeof(Integer) == 2 ? 1
                                                                             : sizeof(Integer) == 4 ? 2
                                                                                                    : 3);
}

template <class Member> constexpr seqcast_field field(const char *name, uint64_t offset)
{
        typedef typename std::remove_reference<Member>::type member;
        typedef typename std::remove_cv<typename std::remove_extent<member>::type>::type element;
        typedef typename plain<element>::type number;

        static_assert(std::rank<member>::value <= 1, "SEQCAST_SCHEMA: arrays of one dimension only");
        static_assert(std::is_arithmetic<number>::value && !std::is_same<number, long double>::value &&
                              sizeof(number) <= 8,
                      "SEQCAST_SCHEMA: integers, float, double, bool, char, enums and arrays of these");
        return seqcast_field{ name,
                              nullptr,
                              offset,
                              sizeof(member) / sizeof(element),
                              std::is_same<number, bool>::value   ? uint32_t(SEQCAST_BOOL)
                              : std::is_same<number, char>::value ? uint32_t(SEQCAST_CHAR)
                              : std::is_floating_point<number>::value
                                      ? uint32_t(sizeof(number) == 4 ? SEQCAST_F32 : SEQCAST_F64)
                                      : integer_type<number>(),
                              std::is_array<member>::value };
}
} // namespace seqcast_schema_of

#define SEQCAST__FIELD(T, member)                                                                            \
        seqcast_schema_of::field<decltype((static_cast<T *>(nullptr))->member)>(#member, offsetof(T, member))

#define SEQCAST_SCHEMA(T, ...)                                                                               \
        ([]() -> const seqcast_schema * {                                                                    \
                static const seqcast_field fields[] = { SEQCAST__MAP(T, __VA_ARGS__) };                      \
                static const seqcast_schema schema = { fields, sizeof fields / sizeof fields[0], sizeof(T),  \
                                                       alignof(T), #T };                                     \
                return &schema;                                                                              \
        }())

#else

#define SEQCAST__SIGNED(t)                                                                                   \
        (sizeof(t) == 1   ? SEQCAST_I8                                                                       \
         : sizeof(t) == 2 ? SEQCAST_I16                                                                      \
         : sizeof(t) == 4 ? SEQCAST_I32                                                                      \
                          : SEQCAST_I64)
#define SEQCAST__UNSIGNED(t)                                                                                 \
        (sizeof(t) == 1   ? SEQCAST_U8                                                                       \
         : sizeof(t) == 2 ? SEQCAST_U16                                                                      \
         : sizeof(t) == 4 ? SEQCAST_U32                                                                      \
                          : SEQCAST_U64)
#define SEQCAST__FLOAT(t) (sizeof(t) == 4 ? SEQCAST_F32 : SEQCAST_F64)
#define SEQCAST__BOOL(t) SEQCAST_BOOL
#define SEQCAST__CHAR(t) SEQCAST_CHAR
#define SEQCAST__ONE(t) 1u
#define SEQCAST__BAD(t) (-1)

/* For each type that a member may have: what X(type) says. `stars` is what the type is followed by. */
#define SEQCAST__EACH_TYPE(stars, signed_, unsigned_, float_, bool_, char_)                                  \
        signed char stars : signed_(signed char),                                                            \
                            short stars : signed_(short),                                                    \
                                          int stars : signed_(int),                                          \
                                                      long stars : signed_(long),                            \
                                                                   long long stars : signed_(long long),     \
                                                                                     unsigned char stars     \
            : unsigned_(unsigned char),                                                                      \
              unsigned short stars : unsigned_(unsigned short),                                              \
                                     unsigned stars : unsigned_(unsigned),                                   \
                                                      unsigned long stars : unsigned_(unsigned long),        \
                                                                            unsigned long long stars         \
            : unsigned_(unsigned long long),                                                                 \
              float stars : float_(float),                                                                   \
                            double stars : float_(double),                                                   \
                                           _Bool stars : bool_(_Bool),                                       \
                                                         char stars : char_(char)

/* In a controlling expression an array is a pointer to its element. */
#define SEQCAST__TYPE(member)                                                                                \
        _Generic((member),                                                                                   \
                 SEQCAST__EACH_TYPE(, SEQCAST__SIGNED, SEQCAST__UNSIGNED, SEQCAST__FLOAT, SEQCAST__BOOL,     \
                                    SEQCAST__CHAR),                                                          \
                 SEQCAST__EACH_TYPE(*, SEQCAST__SIGNED, SEQCAST__UNSIGNED, SEQCAST__FLOAT, SEQCAST__BOOL,    \
                                    SEQCAST__CHAR),                                                          \
                 SEQCAST__EACH_TYPE(const *, SEQCAST__SIGNED, SEQCAST__UNSIGNED, SEQCAST__FLOAT,             \
                                    SEQCAST__BOOL, SEQCAST__CHAR))
#define SEQCAST__ELEMENT_BYTES(member)                                                                       \
        _Generic((member), SEQCAST__EACH_TYPE(, sizeof, sizeof, sizeof, sizeof, sizeof),                     \
                 SEQCAST__EACH_TYPE(*, sizeof, sizeof, sizeof, sizeof, sizeof),                              \
                 SEQCAST__EACH_TYPE(const *, sizeof, sizeof, sizeof, sizeof, sizeof))
#define SEQCAST__IS_ARRAY(member)                                                                            \
        _Generic(                                                                                            \
                (member),                                                                                    \
                SEQCAST__EACH_TYPE(*, SEQCAST__ONE, SEQCAST__ONE, SEQCAST__ONE, SEQCAST__ONE, SEQCAST__ONE), \
                SEQCAST__EACH_TYPE(const *, SEQCAST__ONE, SEQCAST__ONE, SEQCAST__ONE, SEQCAST__ONE,          \
                                   SEQCAST__ONE),                                                            \
                default : 0u)
/* A pointer's address is a pointer to a pointer; an array's is not. Makes an array of -1 elements. */
#define SEQCAST__NO_POINTER(member)                                                                          \
        sizeof(char[_Generic(&(member),                                                                      \
                             SEQCAST__EACH_TYPE(**, SEQCAST__BAD, SEQCAST__BAD, SEQCAST__BAD, SEQCAST__BAD,  \
                                                SEQCAST__BAD),                                               \
                             SEQCAST__EACH_TYPE(const **, SEQCAST__BAD, SEQCAST__BAD, SEQCAST__BAD,          \
                                                SEQCAST__BAD, SEQCAST__BAD),                                 \
                             SEQCAST__EACH_TYPE(*const *, SEQCAST__BAD, SEQCAST__BAD, SEQCAST__BAD,          \
                                                SEQCAST__BAD, SEQCAST__BAD),                                 \
                             SEQCAST__EACH_TYPE(const *const *, SEQCAST__BAD, SEQCAST__BAD, SEQCAST__BAD,    \
                                                SEQCAST__BAD, SEQCAST__BAD),                                 \
                             default : 1)])

#define SEQCAST__MEMBER(T, member) (((T *)0)->member)
#define SEQCAST__FIELD(T, member)                                                                            \
        {                                                                                                    \
#member, NULL, offsetof(T, member),                                                          \
                        sizeof SEQCAST__MEMBER(T, member) /                                                  \
                                (SEQCAST__ELEMENT_BYTES(SEQCAST__MEMBER(T, member))) *                       \
                                SEQCAST__NO_POINTER(SEQCAST__MEMBER(T, member)),                             \
                        SEQCAST__TYPE(SEQCAST__MEMBER(T, member)),                                           \
                        SEQCAST__IS_ARRAY(SEQCAST__MEMBER(T, member))                                        \
        }

#define SEQCAST_SCHEMA(T, ...)                                                                               \
        (&(const seqcast_schema){ (const seqcast_field[]){ SEQCAST__MAP(T, __VA_ARGS__) },                   \
                                  SEQCAST__COUNT(__VA_ARGS__), sizeof(T), _Alignof(T), #T })

#endif

/* One SEQCAST__FIELD a member. Recursion is not to be had from the preprocessor. */
#define SEQCAST__COUNT_OF(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, _18,   \
                          _19, _20, _21, _22, _23, _24, _25, _26, _27, _28, _29, _30, _31, _32, _33, _34,    \
                          _35, _36, _37, _38, _39, _40, _41, _42, _43, _44, _45, _46, _47, _48, _49, _50,    \
                          _51, _52, _53, _54, _55, _56, _57, _58, _59, _60, _61, _62, _63, _64, count, ...)  \
        count
#define SEQCAST__COUNT(...)                                                                                  \
        SEQCAST__COUNT_OF(__VA_ARGS__, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48,   \
                          47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28,    \
                          27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7,   \
                          6, 5, 4, 3, 2, 1, 0)
#define SEQCAST__JOINED(a, b) a##b
#define SEQCAST__JOIN(a, b) SEQCAST__JOINED(a, b)
#define SEQCAST__MAP(T, ...) SEQCAST__JOIN(SEQCAST__MAP_, SEQCAST__COUNT(__VA_ARGS__))(T, __VA_ARGS__)
#define SEQCAST__MAP_1(T, m) SEQCAST__FIELD(T, m)
#define SEQCAST__MAP_2(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_1(T, __VA_ARGS__)
#define SEQCAST__MAP_3(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_2(T, __VA_ARGS__)
#define SEQCAST__MAP_4(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_3(T, __VA_ARGS__)
#define SEQCAST__MAP_5(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_4(T, __VA_ARGS__)
#define SEQCAST__MAP_6(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_5(T, __VA_ARGS__)
#define SEQCAST__MAP_7(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_6(T, __VA_ARGS__)
#define SEQCAST__MAP_8(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_7(T, __VA_ARGS__)
#define SEQCAST__MAP_9(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_8(T, __VA_ARGS__)
#define SEQCAST__MAP_10(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_9(T, __VA_ARGS__)
#define SEQCAST__MAP_11(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_10(T, __VA_ARGS__)
#define SEQCAST__MAP_12(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_11(T, __VA_ARGS__)
#define SEQCAST__MAP_13(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_12(T, __VA_ARGS__)
#define SEQCAST__MAP_14(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_13(T, __VA_ARGS__)
#define SEQCAST__MAP_15(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_14(T, __VA_ARGS__)
#define SEQCAST__MAP_16(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_15(T, __VA_ARGS__)
#define SEQCAST__MAP_17(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_16(T, __VA_ARGS__)
#define SEQCAST__MAP_18(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_17(T, __VA_ARGS__)
#define SEQCAST__MAP_19(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_18(T, __VA_ARGS__)
#define SEQCAST__MAP_20(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_19(T, __VA_ARGS__)
#define SEQCAST__MAP_21(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_20(T, __VA_ARGS__)
#define SEQCAST__MAP_22(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_21(T, __VA_ARGS__)
#define SEQCAST__MAP_23(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_22(T, __VA_ARGS__)
#define SEQCAST__MAP_24(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_23(T, __VA_ARGS__)
#define SEQCAST__MAP_25(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_24(T, __VA_ARGS__)
#define SEQCAST__MAP_26(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_25(T, __VA_ARGS__)
#define SEQCAST__MAP_27(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_26(T, __VA_ARGS__)
#define SEQCAST__MAP_28(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_27(T, __VA_ARGS__)
#define SEQCAST__MAP_29(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_28(T, __VA_ARGS__)
#define SEQCAST__MAP_30(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_29(T, __VA_ARGS__)
#define SEQCAST__MAP_31(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_30(T, __VA_ARGS__)
#define SEQCAST__MAP_32(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_31(T, __VA_ARGS__)
#define SEQCAST__MAP_33(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_32(T, __VA_ARGS__)
#define SEQCAST__MAP_34(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_33(T, __VA_ARGS__)
#define SEQCAST__MAP_35(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_34(T, __VA_ARGS__)
#define SEQCAST__MAP_36(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_35(T, __VA_ARGS__)
#define SEQCAST__MAP_37(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_36(T, __VA_ARGS__)
#define SEQCAST__MAP_38(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_37(T, __VA_ARGS__)
#define SEQCAST__MAP_39(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_38(T, __VA_ARGS__)
#define SEQCAST__MAP_40(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_39(T, __VA_ARGS__)
#define SEQCAST__MAP_41(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_40(T, __VA_ARGS__)
#define SEQCAST__MAP_42(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_41(T, __VA_ARGS__)
#define SEQCAST__MAP_43(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_42(T, __VA_ARGS__)
#define SEQCAST__MAP_44(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_43(T, __VA_ARGS__)
#define SEQCAST__MAP_45(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_44(T, __VA_ARGS__)
#define SEQCAST__MAP_46(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_45(T, __VA_ARGS__)
#define SEQCAST__MAP_47(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_46(T, __VA_ARGS__)
#define SEQCAST__MAP_48(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_47(T, __VA_ARGS__)
#define SEQCAST__MAP_49(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_48(T, __VA_ARGS__)
#define SEQCAST__MAP_50(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_49(T, __VA_ARGS__)
#define SEQCAST__MAP_51(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_50(T, __VA_ARGS__)
#define SEQCAST__MAP_52(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_51(T, __VA_ARGS__)
#define SEQCAST__MAP_53(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_52(T, __VA_ARGS__)
#define SEQCAST__MAP_54(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_53(T, __VA_ARGS__)
#define SEQCAST__MAP_55(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_54(T, __VA_ARGS__)
#define SEQCAST__MAP_56(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_55(T, __VA_ARGS__)
#define SEQCAST__MAP_57(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_56(T, __VA_ARGS__)
#define SEQCAST__MAP_58(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_57(T, __VA_ARGS__)
#define SEQCAST__MAP_59(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_58(T, __VA_ARGS__)
#define SEQCAST__MAP_60(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_59(T, __VA_ARGS__)
#define SEQCAST__MAP_61(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_60(T, __VA_ARGS__)
#define SEQCAST__MAP_62(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_61(T, __VA_ARGS__)
#define SEQCAST__MAP_63(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_62(T, __VA_ARGS__)
#define SEQCAST__MAP_64(T, m, ...) SEQCAST__FIELD(T, m), SEQCAST__MAP_63(T, __VA_ARGS__)

#endif
