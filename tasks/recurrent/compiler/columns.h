/* What every generated loop stands on: exponentials that the compiler can vectorise, and the products of products.c.
 *
 * In float they are right to about 1-2 units in the last place; NaN and infinity pass as in libm.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

#define INLINE static inline __attribute__((always_inline))

#if SINGLE
INLINE float power_of_two(float n) { /* n whole, within [-126, 127] */
    union { int32_t i; float f; } bits = {.i = ((int32_t)n + 127) << 23};
    return bits.f;
}

INLINE float exp_real(float x) {
    float y = x < -104.0f ? -104.0f : x;
    y = y > 89.0f ? 89.0f : y;
    float n = rintf(y * 1.44269504088896341f);
    n = n != n ? 0.0f : n; /* NaN stays in y; converting it would not be defined */
    float r = fmaf(n, -0.693145751953125f, y);
    r = fmaf(n, -1.42860682030941723212e-6f, r);
    float p = 1.9875691500e-4f;
    p = fmaf(p, r, 1.3981999507e-3f);
    p = fmaf(p, r, 8.3334519073e-3f);
    p = fmaf(p, r, 4.1665795894e-2f);
    p = fmaf(p, r, 1.6666665459e-1f);
    p = fmaf(p, r, 5.0000001201e-1f);
    p = fmaf(p, r * r, r) + 1.0f;
    float half = rintf(n * 0.5f); /* two factors: 2^n alone would leave the range of a float at both ends */
    return p * power_of_two(half) * power_of_two(n - half);
}

INLINE float tanh_real(float x) {
    float a = fabsf(x), z = x * x;
    float p = -5.70498872745e-3f;
    p = fmaf(p, z, 2.06390887954e-2f);
    p = fmaf(p, z, -5.37397155531e-2f);
    p = fmaf(p, z, 1.33314422036e-1f);
    p = fmaf(p, z, -3.33332819422e-1f);
    float small = fmaf(p * z, x, x);
    float large = copysignf(1.0f - 2.0f / (exp_real(2.0f * a) + 1.0f), x);
    return a < 0.625f ? small : large;
}
#else
INLINE double exp_real(double x) { return exp(x); }
INLINE double tanh_real(double x) { return tanh(x); }
#endif
INLINE real sigmoid_real(real x) { return (real)1 / ((real)1 + exp_real(-x)); }

static long (*packed_size)(long depth, long columns);
static void (*pack)(long depth, long columns, const real *from, long down, long right, real *to);
static void (*product)(long rows, long columns, long depth, const real *left, const real *packed, real *to, int add);
static void (*outer_products)(long steps, long height, long width, const real *left, const real *right, real *to);

void bind_gemm(void *const *functions) {
    packed_size = functions[0], pack = functions[1], product = functions[2], outer_products = functions[3];
}
