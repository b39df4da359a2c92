/* Matrix products of a recurrence: `real` is float or double.
 *
 * They are our own because those of a recurrence are small (a batch times a weight that is the same at all steps): the
 * weight is packed once per call, and all steps profit. Each result is the same whatever the alignment of its operands
 * and whatever else runs, so a loop gives the same bits wherever it runs on one model of processor.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX512F__
#define VECTOR_BYTES 64
#define ROWS 12
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#define ROWS 6
#else
#define VECTOR_BYTES 16
#define ROWS 6
#endif
#define LANES ((long)(VECTOR_BYTES / sizeof(real)))
#define PANEL (2 * LANES) /* columns of a packed panel */
#define DEPTH 256         /* rows of the time axis that a weight gradient takes at once */
#define BLOCK 96          /* rows that a product takes at once, so that they stay in the cache from panel to panel */
#define INLINE static inline __attribute__((always_inline))

typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real))));

long packed_size(long depth, long columns) { return (columns + PANEL - 1) / PANEL * PANEL * depth; }

/* Panels of PANEL columns, each row by row; missing columns are zero. Strides are those of a (depth, columns) matrix. */
void pack(long depth, long columns, const real *from, long down, long right, real *to) {
    for (long j = 0; j < columns; j += PANEL, to += PANEL * depth) {
        const long width = columns - j < PANEL ? columns - j : PANEL;
        if (width < PANEL) memset(to, 0, sizeof(real) * (size_t)(PANEL * depth));
        if (right == 1)
            for (long k = 0; k < depth; k++) memcpy(to + k * PANEL, from + k * down + j, sizeof(real) * (size_t)width);
        else
            for (long block = 0; block < depth; block += 16)
                for (long c = 0; c < width; c++)
                    for (long k = block; k < depth && k < block + 16; k++)
                        to[k * PANEL + c] = from[k * down + (j + c) * right];
    }
}

/* rows x PANEL of the product; `across` and `down` step through the left operand's rows and along the sum. */
INLINE void tile(const long rows, long depth, const real *restrict left, long across, long down,
                 const real *restrict panel, real *restrict to, long stride, long width, int accumulate) {
    vector sum[ROWS][2];
    for (long i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (vector){0};
    for (long k = 0; k < depth; k++) {
        const vector a = *(const vector *)(panel + k * PANEL), b = *(const vector *)(panel + k * PANEL + LANES);
        for (long i = 0; i < rows; i++) {
            const real x = left[i * across + k * down];
            sum[i][0] += x * a;
            sum[i][1] += x * b;
        }
    }
    if (width == PANEL) {
        for (long i = 0; i < rows; i++)
            for (long v = 0; v < 2; v++) {
                vector *cell = (vector *)(to + i * stride + v * LANES);
                *cell = accumulate ? *cell + sum[i][v] : sum[i][v];
            }
        return;
    }
    for (long i = 0; i < rows; i++) {
        const real *found = (const real *)sum[i];
        for (long c = 0; c < width; c++) to[i * stride + c] = (accumulate ? to[i * stride + c] : 0) + found[c];
    }
}

/* One panel's columns of left @ packed, for all rows. */
static void columns_of_product(long rows, long depth, const real *left, long across, long down, const real *panel,
                               real *to, long stride, long width, int accumulate) {
    long i = 0;
    for (; i + ROWS <= rows; i += ROWS)
        tile(ROWS, depth, left + i * across, across, down, panel, to + i * stride, stride, width, accumulate);
    switch (rows - i) {
#define REST(n) \
    case n: tile(n, depth, left + i * across, across, down, panel, to + i * stride, stride, width, accumulate); break;
        REST(1) REST(2) REST(3) REST(4) REST(5)
#if ROWS > 6
        REST(6) REST(7) REST(8) REST(9) REST(10) REST(11)
#endif
    }
}

/* to (rows, columns) = left (rows, depth) @ packed (depth, columns), or += */
void product(long rows, long columns, long depth, const real *left, const real *packed, real *to,
                    int accumulate) {
    for (long j = 0; j < columns; j += PANEL)
        columns_of_product(rows, depth, left, depth, 1, packed + j * depth, to + j, columns,
                           columns - j < PANEL ? columns - j : PANEL, accumulate);
}

/* to (height, width) += left' @ right, over `steps` rows of both: a weight's gradient over all of time. */
void outer_products(long steps, long height, long width, const real *left, const real *right, real *to) {
    real panel[DEPTH * PANEL] __attribute__((aligned(64)));
    for (long t = 0; t < steps; t += DEPTH) {
        const long depth = steps - t < DEPTH ? steps - t : DEPTH;
        for (long j = 0; j < width; j += PANEL) {
            const long columns = width - j < PANEL ? width - j : PANEL;
            pack(depth, columns, right + t * width + j, width, 1, panel);
            columns_of_product(height, depth, left + t * height, 1, height, panel, to + j, width, columns, 1);
        }
    }
}

/* to (rows, columns) = left @ weight' + shift, with a weight of shape (columns, depth); 1 without memory. */
int linear(const long *size, real *const *at) {
    const long rows = size[0], columns = size[1], depth = size[2];
    const real *left = at[0], *weight = at[1], *shift = at[2];
    real *to = at[3], *packed = malloc(sizeof(real) * (size_t)packed_size(depth, columns));
    if (!packed) return 1;
    pack(depth, columns, weight, 1, depth, packed);
    for (long i = 0; i < rows; i += BLOCK) {
        const long some = rows - i < BLOCK ? rows - i : BLOCK;
        for (long b = i; shift && b < i + some; b++) memcpy(to + b * columns, shift, sizeof(real) * (size_t)columns);
        product(some, columns, depth, left + i * depth, packed, to + i * columns, shift != NULL);
    }
    free(packed);
    return 0;
}

/* Gradients of the same, each left out where its place is NULL; those of weight and shift are added to what is there. */
int linear_back(const long *size, real *const *at) {
    const long rows = size[0], columns = size[1], depth = size[2];
    const real *left = at[0], *weight = at[1], *into = at[2];
    real *d_left = at[3], *d_weight = at[4], *d_shift = at[5];
    if (d_weight) outer_products(rows, columns, depth, into, left, d_weight);
    for (long b = 0; d_shift && b < rows; b++)
        for (long j = 0; j < columns; j++) d_shift[j] += into[b * columns + j];
    if (!d_left) return 0;
    real *packed = malloc(sizeof(real) * (size_t)packed_size(columns, depth));
    if (!packed) return 1;
    pack(columns, depth, weight, depth, 1, packed);
    for (long i = 0; i < rows; i += BLOCK)
        product(rows - i < BLOCK ? rows - i : BLOCK, depth, columns, into + i * columns, packed, d_left + i * depth, 0);
    free(packed);
    return 0;
}
